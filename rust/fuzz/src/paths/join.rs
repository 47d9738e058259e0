// SPDX-License-Identifier: GPL-2.0

//! Joins from either side, with the right proof or a wrong one.

use super::super::engine::host::{on_wire, our_key, their_key};
use super::super::input::Input;
use super::{Flow, Phase, World, FLOWS};
use rust_mptcp::engine::join::{answer_syn, Door, JoinSyn, LocalAddr};
use rust_mptcp::engine::{Duration, Ending, Event, JoinAck, JoinRequest, Stamp, TxSegment};
use rust_mptcp::wire::keys::{HostSha256, JoinSecrets};
use rust_mptcp::wire::{AddrId, HmacI, HmacR, Join, Nonce, OptionSet, SegmentKind};

impl World {
    /// We open a subflow.
    pub(super) fn join(&mut self, input: &mut Input<'_>) {
        let (choice, nonce) = (input.u8(), Nonce::new(input.u32()));
        if self.flows.len() >= FLOWS {
            return;
        }
        let request = JoinRequest {
            local: local(choice),
            remote_id: AddrId(choice >> 4),
            nonce,
        };
        let now = self.instant();
        let made = self.conn.join(&request, now);
        if let Ok((sf, tx)) = made {
            let mut flow = Flow::new(sf, tx, Phase::Opening);
            flow.nonce = nonce;
            let segment = TxSegment {
                syn: true,
                ..TxSegment::default()
            };
            let Stamp::Send(stamped) = flow.tx.stamp(&segment, &self.shared) else {
                unreachable!("a SYN is never withheld");
            };
            let syn = on_wire(&stamped.options, SegmentKind::Syn);
            let token = their_key().token;
            assert!(matches!(syn.join, Some(Join::Syn { token: said, .. }) if said == token));
            self.flows.push(flow);
        }
        self.drain();
    }

    /// What comes back for our SYN.
    pub(super) fn answer(&mut self, index: usize, input: &mut Input<'_>) {
        let (choice, nonce) = (input.u8(), Nonce::new(input.u32() | 1 << 31));
        let flow = &mut self.flows[index];
        if flow.phase != Phase::Opening {
            return;
        }
        let (sf, ours) = (flow.sf, flow.nonce);
        if choice & 7 == 7 {
            return self.gone(index, Ending::Refused);
        }
        let secrets = JoinSecrets {
            key_i: our_key().key,
            key_r: their_key().key,
            nonce_i: ours,
            nonce_r: nonce,
        };
        let wrong = choice & 7 == 6;
        let hmac = secrets.hmac_r::<HostSha256>();
        let hmac = if wrong {
            HmacR::from_bytes([0x5A; 8])
        } else {
            hmac
        };
        flow.phase = Phase::Open;
        flow.is_unproved = wrong || ours == nonce;
        let answer = OptionSet::from(Join::SynAck {
            backup: choice & 8 != 0,
            id: AddrId(choice >> 4),
            hmac,
            nonce,
        });
        let options = on_wire(&answer, SegmentKind::SynAck);
        self.post(Event::JoinSynAck {
            sf,
            options: &options,
            srtt: Some(Duration::from_millis(u64::from(choice))),
        });
    }

    /// The peer opens a subflow.
    pub(super) fn be_joined(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        let (theirs, ours) = (Nonce::new(input.u32()), Nonce::new(7));
        let syn = JoinSyn {
            backup: choice & 8 != 0,
            id: AddrId(choice >> 4),
            token: our_key().token,
            nonce: theirs,
        };
        let keys = self.conn.join_keys();
        let answer = answer_syn(&syn, keys, Door::Same, Some(local(choice)), None);
        let (Ok(half), true) = (answer.verdict, self.flows.len() < FLOWS) else {
            return;
        };
        let secrets = JoinSecrets {
            key_i: their_key().key,
            key_r: our_key().key,
            nonce_i: theirs,
            nonce_r: ours,
        };
        let (wrong, allowed) = (choice & 3 == 3, choice & 7 != 6);
        let hmac = secrets.hmac_i::<HostSha256>();
        let hmac = if wrong {
            HmacI::from_bytes([0x5A; 20])
        } else {
            hmac
        };
        let kind = SegmentKind::NonSyn { payload_len: 0 };
        let options = on_wire(&OptionSet::from(Join::Ack { hmac }), kind);
        let ack = JoinAck {
            half,
            nonce: ours,
            door: Door::Same,
            allowed,
            options: &options,
        };
        let now = self.instant();
        let taken = self.conn.accept_join(&ack, now);
        if let Ok((sf, tx)) = taken {
            assert!(!wrong && allowed, "{sf:?} was let in");
            self.flows.push(Flow::new(sf, tx, Phase::Open));
        }
        self.drain();
    }
}

fn local(choice: u8) -> LocalAddr {
    LocalAddr {
        id: AddrId(choice & 7),
        backup: choice & 0x40 != 0,
    }
}
