// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.3 and appendix D: the states of closing, as one table.

use super::action::ConnState;

/// What moves a connection towards its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A program closes the sending direction.
    Shut,
    /// The peer's `DATA_FIN` has come in order.
    DataFin,
    /// The peer has acknowledged our `DATA_FIN`.
    DataFinAcked,
}

impl Step {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::Shut, Self::DataFin, Self::DataFinAcked];
}

/// The state after `step`; the same one where the step means nothing.
pub(super) const fn after(state: ConnState, step: Step) -> ConnState {
    match (state, step) {
        (ConnState::Established, Step::Shut) => ConnState::FinWait1,
        (ConnState::Established, Step::DataFin) => ConnState::CloseWait,
        (ConnState::FinWait1, Step::DataFin) => ConnState::Closing,
        (ConnState::FinWait1, Step::DataFinAcked) => ConnState::FinWait2,
        (ConnState::CloseWait, Step::Shut) => ConnState::LastAck,
        // Both directions are closed and both ends know: what follows are the FINs of TCP.
        (ConnState::FinWait2, Step::DataFin)
        | (ConnState::Closing | ConnState::LastAck, Step::DataFinAcked) => ConnState::Close,
        (same, _) => same,
    }
}

/// Whether a connection in this state counts as established (`MPCurrEstab`).
pub(super) const fn is_current(state: ConnState) -> bool {
    matches!(state, ConnState::Established | ConnState::CloseWait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::string::String;

    /// Every state, every step. A change of the table is a change of this text.
    const TABLE: &str = "\
SynSent      Shut         SynSent
SynSent      DataFin      SynSent
SynSent      DataFinAcked SynSent
Established  Shut         FinWait1
Established  DataFin      CloseWait
Established  DataFinAcked Established
FinWait1     Shut         FinWait1
FinWait1     DataFin      Closing
FinWait1     DataFinAcked FinWait2
FinWait2     Shut         FinWait2
FinWait2     DataFin      Close
FinWait2     DataFinAcked FinWait2
Closing      Shut         Closing
Closing      DataFin      Closing
Closing      DataFinAcked Close
CloseWait    Shut         LastAck
CloseWait    DataFin      CloseWait
CloseWait    DataFinAcked CloseWait
LastAck      Shut         LastAck
LastAck      DataFin      LastAck
LastAck      DataFinAcked Close
Close        Shut         Close
Close        DataFin      Close
Close        DataFinAcked Close
";

    #[test]
    fn the_table_of_closing_is_the_one_of_the_rfc() {
        let mut text = String::new();
        for state in [
            ConnState::SynSent,
            ConnState::Established,
            ConnState::FinWait1,
            ConnState::FinWait2,
            ConnState::Closing,
            ConnState::CloseWait,
            ConnState::LastAck,
            ConnState::Close,
        ] {
            for step in Step::ALL {
                let next = after(state, step);
                let names = [
                    std::format!("{state:?}"),
                    std::format!("{step:?}"),
                    std::format!("{next:?}"),
                ];
                let _ = writeln!(text, "{:<12} {:<12} {}", names[0], names[1], names[2]);
            }
        }
        assert_eq!(text, TABLE);
    }
}
