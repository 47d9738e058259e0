// SPDX-License-Identifier: GPL-2.0

//! The counters of the `MPTcpExt` lines of `/proc/net/netstat`, in the order of the kernel's own list.
//!
//! Every refusal of the engine is counted under the name that the in-tree implementation uses for
//! it, so that what people have learnt to read in `nstat` stays true.

/// One counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mib {
    /// `MPCapableSYNRX`: SYN with `MP_CAPABLE` reaches an MPTCP listener (retransmits count).
    MPCapableSYNRX,
    /// `MPCapableSYNTX`: Connect() starts with MPTCP requested (once, not per retransmit).
    MPCapableSYNTX,
    /// `MPCapableSYNACKRX`: SYN/ACK with `MP_CAPABLE` accepted.
    MPCapableSYNACKRX,
    /// `MPCapableACKRX`: Accept() returns an msk.
    MPCapableACKRX,
    /// `MPCapableFallbackACK`: `MP_CAPABLE` request whose third ACK lacks it (or msk clone failed).
    MPCapableFallbackACK,
    /// `MPCapableFallbackSYNACK`: SYN/ACK without `MP_CAPABLE`.
    MPCapableFallbackSYNACK,
    /// `MPCapableSYNTXDrop`: `MP_CAPABLE` dropped from SYN after retransmissions.
    MPCapableSYNTXDrop,
    /// `MPCapableSYNTXDisabled`: Connect during blackhole period.
    MPCapableSYNTXDisabled,
    /// `MPCapableEndpAttempt`: `MP_CAPABLE` or plain SYN on a PM port listener.
    MPCapableEndpAttempt,
    /// `MPFallbackTokenInit`: Token/key allocation failed, either side.
    MPFallbackTokenInit,
    /// `MPTCPRetrans`: Each fragment reinjected at MPTCP level.
    MPTCPRetrans,
    /// `MPJoinNoTokenFound`: `MP_JOIN` SYN with unknown token.
    MPJoinNoTokenFound,
    /// `MPJoinNoIdFound`: `MP_JOIN` SYN for which no local id can be made.
    MPJoinNoIdFound,
    /// `MPJoinSynRx`: `MP_JOIN` SYN on an MPTCP listener.
    MPJoinSynRx,
    /// `MPJoinSynBackupRx`: ...with B bit.
    MPJoinSynBackupRx,
    /// `MPJoinSynAckRx`: Valid `MP_JOIN` SYN/ACK.
    MPJoinSynAckRx,
    /// `MPJoinSynAckBackupRx`: ...with B bit.
    MPJoinSynAckBackupRx,
    /// `MPJoinSynAckHMacFailure`: Truncated HMAC wrong.
    MPJoinSynAckHMacFailure,
    /// `MPJoinSynAckNoMPJoin`: SYN/ACK to a join lacks `MP_JOIN`.
    MPJoinSynAckNoMPJoin,
    /// `MPJoinAckRx`: Join's third ACK accepted.
    MPJoinAckRx,
    /// `MPJoinAckHMacFailure`: HMAC wrong in third ACK.
    MPJoinAckHMacFailure,
    /// `MPJoinAckNoMPJoin`: Third ACK lacks `MP_JOIN`.
    MPJoinAckNoMPJoin,
    /// `MPJoinAckNoCtx`: Child has no subflow context.
    MPJoinAckNoCtx,
    /// `MPJoinRejected`: PM refuses the join (at third ACK; at SYN when syncookies are in use).
    MPJoinRejected,
    /// `MPJoinNotEstablished`: Join completes on an msk not fully established/closing.
    MPJoinNotEstablished,
    /// `MPJoinSynTx`: Extra subflow connect started.
    MPJoinSynTx,
    /// `MPJoinSynTxCreatSkErr`: Its socket creation failed.
    MPJoinSynTxCreatSkErr,
    /// `MPJoinSynTxBindErr`: Its bind failed.
    MPJoinSynTxBindErr,
    /// `MPJoinSynTxConnectErr`: Its connect failed synchronously.
    MPJoinSynTxConnectErr,
    /// `DSSNotMatching`: Second, different mapping for already mapped data.
    DSSNotMatching,
    /// `DSSCorruptionFallback`: Internal mapping inconsistency , then fallback.
    DSSCorruptionFallback,
    /// `DSSCorruptionReset`: Same, fallback impossible , then reset.
    DSSCorruptionReset,
    /// `InfiniteMapTx`: Fallback by sending an infinite mapping.
    InfiniteMapTx,
    /// `InfiniteMapRx`: Infinite mapping received.
    InfiniteMapRx,
    /// `DSSNoMatchTCP`: Mapping does not cover the subflow sequence.
    DSSNoMatchTCP,
    /// `DataCsumErr`: DSS checksum mismatch.
    DataCsumErr,
    /// `OFOQueueTail`: MPTCP out-of-order insert at tail.
    OFOQueueTail,
    /// `OFOQueue`: MPTCP out-of-order insert.
    OFOQueue,
    /// `OFOMerge`: ...merged with a neighbour.
    OFOMerge,
    /// `NoDSSInWindow`: Data beyond the MPTCP window dropped.
    NoDSSInWindow,
    /// `DuplicateData`: Already received MPTCP data dropped.
    DuplicateData,
    /// `AddAddr`: Valid `ADD_ADDR` (non-echo) received.
    AddAddr,
    /// `AddAddrTx`: `ADD_ADDR` sent, retransmissions included.
    AddAddrTx,
    /// `AddAddrTxDrop`: `ADD_ADDR` not sent (slot busy or no option space).
    AddAddrTxDrop,
    /// `EchoAdd`: `ADD_ADDR` echo received.
    EchoAdd,
    /// `EchoAddTx`: Echo sent.
    EchoAddTx,
    /// `EchoAddTxDrop`: Echo not sent.
    EchoAddTxDrop,
    /// `PortAdd`: `ADD_ADDR` or echo received with a port.
    PortAdd,
    /// `AddAddrDrop`: `ADD_ADDR` ignored (previous pending, or userspace PM inactive).
    AddAddrDrop,
    /// `MPJoinPortSynRx`: `MP_JOIN` SYN to a port other than msk's, announced.
    MPJoinPortSynRx,
    /// `MPJoinPortSynAckRx`: Join SYN/ACK from a port other than msk's peer port.
    MPJoinPortSynAckRx,
    /// `MPJoinPortAckRx`: Join third ACK on such a port.
    MPJoinPortAckRx,
    /// `MismatchPortSynRx`: `MP_JOIN` SYN on a port never announced.
    MismatchPortSynRx,
    /// `MismatchPortAckRx`: Same at third ACK.
    MismatchPortAckRx,
    /// `RmAddr`: Each id of a processed `RM_ADDR`.
    RmAddr,
    /// `RmAddrDrop`: `RM_ADDR` ignored, previous pending.
    RmAddrDrop,
    /// `RmAddrTx`: Each id sent.
    RmAddrTx,
    /// `RmAddrTxDrop`: Ids not sent (signal slot busy).
    RmAddrTxDrop,
    /// `RmSubflow`: Subflow closed by endpoint removal/flush/flag change or `SUBFLOW_DESTROY`.
    RmSubflow,
    /// `MPPrioTx`: `MP_PRIO` sent.
    MPPrioTx,
    /// `MPPrioRx`: `MP_PRIO` received.
    MPPrioRx,
    /// `MPFailTx`: `MP_FAIL` sent.
    MPFailTx,
    /// `MPFailRx`: `MP_FAIL` received.
    MPFailRx,
    /// `MPFastcloseTx`: `MP_FASTCLOSE` sent (per subflow).
    MPFastcloseTx,
    /// `MPFastcloseRx`: `MP_FASTCLOSE` with the right key received.
    MPFastcloseRx,
    /// `MPRstTx`: RST with `MP_TCPRST` built by a full subflow socket (not those answering a
    /// request socket).
    MPRstTx,
    /// `MPRstRx`: RST with `MP_TCPRST` received by a subflow.
    MPRstRx,
    /// `SubflowStale`: Subflow declared stale.
    SubflowStale,
    /// `SubflowRecover`: Stale subflow active again.
    SubflowRecover,
    /// `SndWndShared`: Subflow send window raised to the msk's.
    SndWndShared,
    /// `RcvWndShared`: Subflow advertised window raised to the msk's.
    RcvWndShared,
    /// `RcvWndConflictUpdate`: Lost a window-update race, raised.
    RcvWndConflictUpdate,
    /// `RcvWndConflict`: Window-update race retried.
    RcvWndConflict,
    /// `MPCurrEstab`: Gauge: msks in ESTABLISHED or `CLOSE_WAIT` (fallback ones included).
    MPCurrEstab,
    /// `Blackhole`: `MP_CAPABLE`-less SYN succeeded after `MP_CAPABLE` SYNs were lost.
    Blackhole,
    /// `MPCapableDataFallback`: First in-order packet after handshake lacks DSS/`MP_CAPABLE`.
    MPCapableDataFallback,
    /// `MD5SigFallback`: Connect with MD5 key.
    MD5SigFallback,
    /// `MD5SigReset`: Any SYN on an MPTCP listener holding an MD5 key.
    MD5SigReset,
    /// `DssFallback`: Bad/missing DSS (also infinite map received) while fallback allowed.
    DssFallback,
    /// `DssReset`: Same, not allowed , then reset.
    DssReset,
    /// `SimultConnectFallback`: Simultaneous open.
    SimultConnectFallback,
    /// `FallbackFailed`: Fallback wanted but forbidden.
    FallbackFailed,
    /// `WinProbe`: MPTCP zero-window probe.
    WinProbe,
    /// `BacklogDrop`: Msk backlog over limit.
    BacklogDrop,
    /// `RcvPruned`: Data dropped for memory.
    RcvPruned,
    /// `OFOPruned`: Out-of-order queue pruned.
    OFOPruned,
}

impl Mib {
    /// How many there are.
    pub const COUNT: usize = 86;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::MPCapableSYNRX,
        Self::MPCapableSYNTX,
        Self::MPCapableSYNACKRX,
        Self::MPCapableACKRX,
        Self::MPCapableFallbackACK,
        Self::MPCapableFallbackSYNACK,
        Self::MPCapableSYNTXDrop,
        Self::MPCapableSYNTXDisabled,
        Self::MPCapableEndpAttempt,
        Self::MPFallbackTokenInit,
        Self::MPTCPRetrans,
        Self::MPJoinNoTokenFound,
        Self::MPJoinNoIdFound,
        Self::MPJoinSynRx,
        Self::MPJoinSynBackupRx,
        Self::MPJoinSynAckRx,
        Self::MPJoinSynAckBackupRx,
        Self::MPJoinSynAckHMacFailure,
        Self::MPJoinSynAckNoMPJoin,
        Self::MPJoinAckRx,
        Self::MPJoinAckHMacFailure,
        Self::MPJoinAckNoMPJoin,
        Self::MPJoinAckNoCtx,
        Self::MPJoinRejected,
        Self::MPJoinNotEstablished,
        Self::MPJoinSynTx,
        Self::MPJoinSynTxCreatSkErr,
        Self::MPJoinSynTxBindErr,
        Self::MPJoinSynTxConnectErr,
        Self::DSSNotMatching,
        Self::DSSCorruptionFallback,
        Self::DSSCorruptionReset,
        Self::InfiniteMapTx,
        Self::InfiniteMapRx,
        Self::DSSNoMatchTCP,
        Self::DataCsumErr,
        Self::OFOQueueTail,
        Self::OFOQueue,
        Self::OFOMerge,
        Self::NoDSSInWindow,
        Self::DuplicateData,
        Self::AddAddr,
        Self::AddAddrTx,
        Self::AddAddrTxDrop,
        Self::EchoAdd,
        Self::EchoAddTx,
        Self::EchoAddTxDrop,
        Self::PortAdd,
        Self::AddAddrDrop,
        Self::MPJoinPortSynRx,
        Self::MPJoinPortSynAckRx,
        Self::MPJoinPortAckRx,
        Self::MismatchPortSynRx,
        Self::MismatchPortAckRx,
        Self::RmAddr,
        Self::RmAddrDrop,
        Self::RmAddrTx,
        Self::RmAddrTxDrop,
        Self::RmSubflow,
        Self::MPPrioTx,
        Self::MPPrioRx,
        Self::MPFailTx,
        Self::MPFailRx,
        Self::MPFastcloseTx,
        Self::MPFastcloseRx,
        Self::MPRstTx,
        Self::MPRstRx,
        Self::SubflowStale,
        Self::SubflowRecover,
        Self::SndWndShared,
        Self::RcvWndShared,
        Self::RcvWndConflictUpdate,
        Self::RcvWndConflict,
        Self::MPCurrEstab,
        Self::Blackhole,
        Self::MPCapableDataFallback,
        Self::MD5SigFallback,
        Self::MD5SigReset,
        Self::DssFallback,
        Self::DssReset,
        Self::SimultConnectFallback,
        Self::FallbackFailed,
        Self::WinProbe,
        Self::BacklogDrop,
        Self::RcvPruned,
        Self::OFOPruned,
    ];

    /// The place of this counter in the list, from 0.
    pub const fn index(self) -> usize {
        // CAST: a fieldless enum of one octet.
        #[allow(clippy::as_conversions)]
        {
            self as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_its_indices() {
        for (index, counter) in Mib::ALL.iter().enumerate() {
            assert_eq!(counter.index(), index);
        }
        assert_eq!(Mib::FallbackFailed.index(), 81);
    }
}
