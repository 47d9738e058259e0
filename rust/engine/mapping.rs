// SPDX-License-Identifier: GPL-2.0

//! RFC 8684 3.3.1: which bytes of a subflow are which data, on receipt.

use crate::wire::capable::first_mapping;
use crate::wire::Capable;
use crate::wire::Dsn;
use crate::wire::Mapping;
use crate::wire::Options;
use crate::wire::Ssn;
use crate::wire::WireDsn;

/// The mapping that the payload of a segment brings along, to be handed back with its bytes.
///
/// `remote_idsn` is the peer's initial data sequence number: the data form of `MP_CAPABLE` maps the
/// first bytes without saying it.
pub fn of_segment(options: &Options, remote_idsn: Dsn) -> Option<Mapping> {
    match options.capable {
        Some(Capable::AckData { len, checksum, .. }) => {
            Some(first_mapping(remote_idsn, len, checksum))
        }
        _ => options.dss.and_then(|dss| dss.map),
    }
}
