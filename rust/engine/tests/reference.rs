// SPDX-License-Identifier: GPL-2.0

//! Protocol reference section 13, octet for octet, through two engines and the wire.

use super::*;
use std::format;
use std::string::String;

/// One end, without TCP: the test moves the places.
struct End {
    shared: Shared,
    tx: SubflowTx,
    conn: Connection<Bytes>,
    read: Vec<u8>,
}

impl End {
    fn post(&mut self, event: Event<'_, Bytes>) {
        self.conn.handle(&self.shared, event, Instant::default());
        while let Some(action) = self.conn.poll_action(&self.shared) {
            match action {
                Action::Deliver(bytes) => self.read.extend(bytes.0),
                Action::Tell { order, .. } => self.tx.apply(order),
                _ => {}
            }
        }
    }

    fn write(&mut self, len: u32) {
        self.post(Event::AppWrote { len });
        let now = Instant::default();
        let transmit = self
            .conn
            .poll_transmit(&self.shared, SF, 1000, now)
            .unwrap();
        self.tx.record_run(Ssn(1), &transmit).unwrap();
        self.post(Event::Transmitted {
            sf: SF,
            dsn: transmit.dsn,
            len,
            ssn: Ssn(1),
            rto: Duration::from_millis(200),
        });
    }

    /// The octets of the options of a segment.
    fn send(&mut self, segment: TxSegment, payload: &[u8]) -> Vec<u8> {
        let Stamp::Send(mut stamped) = self.tx.stamp(&segment, &self.shared) else {
            panic!("withheld");
        };
        if stamped.needs_checksum {
            let mut sum = checksum::Partial::EMPTY;
            sum.add_bytes(payload);
            self.tx.complete(&mut stamped, segment.ssn, sum);
        }
        let fitted = fit(&[], &stamped.options);
        fitted.area[..usize::from(fitted.len)].to_vec()
    }

    fn receive(&mut self, segment: RxSegment, payload: &[u8], area: &[u8]) {
        let payload_len = segment.len;
        let options = parse(area, SegmentKind::NonSyn { payload_len });
        self.post(Event::Segment {
            sf: SF,
            segment,
            options: &options,
        });
        if !payload.is_empty() {
            let mapping = of_segment(&options, self.conn.remote_idsn().unwrap());
            self.post(Event::Data {
                sf: SF,
                ssn: segment.ssn,
                payload: Bytes(payload.to_vec()),
                mapping,
            });
        }
    }
}

/// The options without the padding behind them.
fn hex(area: &[u8]) -> String {
    let len = usize::from(area.get(1).copied().unwrap_or(0));
    area[..len]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn out(ssn: u32, len: u32) -> TxSegment {
    TxSegment {
        ssn: Ssn(ssn),
        len,
        una: Ssn(1),
        free: 60_000,
        ..TxSegment::default()
    }
}

fn rx(ssn: u32, len: u32, ack: u32) -> RxSegment {
    RxSegment {
        ssn: Ssn(ssn),
        len,
        ack: Some(Ssn(ack)),
        window: 60_000,
        ..RxSegment::default()
    }
}

/// The handshake with data on its last segment: lines 1 to 4 of the trace.
fn opened(checksum: bool) -> (End, End, Vec<String>) {
    let config = Config {
        checksum,
        ..Config::default()
    };
    let shared = Shared::new();
    let now = Instant::default();
    let mut a = End {
        conn: Connection::active(config, key_a(), &shared, now).unwrap(),
        tx: SubflowTx::active(&config, key_a()),
        shared,
        read: Vec::new(),
    };
    let mut lines = Vec::new();
    let syn = a.send(
        TxSegment {
            syn: true,
            ..TxSegment::default()
        },
        &[],
    );
    lines.push(hex(&syn));
    let initiate::SynAnswer::Capable(offer) = initiate::answer_syn(&parse(&syn, SegmentKind::Syn))
    else {
        panic!("no offer");
    };
    let policy = initiate::ListenPolicy::default();
    let set = initiate::syn_ack_options(offer, policy, key_b().key);
    let fitted = fit(&[], &set);
    let syn_ack = &fitted.area[..usize::from(fitted.len)];
    lines.push(hex(syn_ack));
    let answer = SynAckAnswer::read::<HostSha256>(&parse(syn_ack, SegmentKind::SynAck));
    a.post(Event::SynAck {
        sf: SF,
        answer,
        window: 60_000,
        plain_syns: 0,
    });
    let third = a.send(out(1, 0), &[]);
    lines.push(hex(&third));
    let options = parse(&third, SegmentKind::NonSyn { payload_len: 0 });
    let third = initiate::accept_third_ack::<HostSha256>(&options, offer, policy, key_b());
    let initiate::ThirdAck::Capable(open) = third else {
        panic!("fell back");
    };
    let shared = Shared::new();
    let mut b = End {
        conn: Connection::passive(config, &open, 60_000, 65_535, &shared, now).unwrap(),
        tx: SubflowTx::passive(&open),
        shared,
        read: Vec::new(),
    };
    assert_eq!(b.conn.mode(), Mode::Unverified);
    a.write(5);
    let data = a.send(out(1, 5), b"hello");
    lines.push(hex(&data));
    b.receive(rx(1, 5, 1), b"hello", &data);
    assert_eq!(b.conn.mode(), Mode::Verified);
    assert_eq!(b.read, b"hello");
    (a, b, lines)
}

#[test]
fn the_full_trace_comes_out_octet_for_octet() {
    let (mut a, mut b, mut lines) = opened(false);
    b.write(6);
    let reply = b.send(out(1, 6), b"world!");
    lines.push(hex(&reply));
    a.receive(rx(1, 6, 6), b"world!", &reply);
    assert_eq!(a.conn.mode(), Mode::Verified);
    assert_eq!(a.read, b"world!");
    a.post(Event::ShutdownWrite);
    let fin = a.send(out(6, 0), &[]);
    lines.push(hex(&fin));
    b.receive(rx(6, 0, 7), &[], &fin);
    assert_eq!(b.conn.state(), ConnState::CloseWait);
    b.post(Event::ShutdownWrite);
    let fin = b.send(out(7, 0), &[]);
    lines.push(hex(&fin));
    a.receive(rx(7, 0, 6), &[], &fin);
    assert_eq!(a.conn.state(), ConnState::Close);
    let last = a.send(out(6, 0), &[]);
    lines.push(hex(&last));
    b.receive(rx(6, 0, 7), &[], &last);
    assert_eq!(b.conn.state(), ConnState::Close);
    assert_eq!(
        lines,
        [
            "1e040101",
            "1e0c01011112131415161718",
            "1e14010101020304050607081112131415161718",
            "1e160101010203040506070811121314151617180005",
            "1e1a200ff5a101d3d29d6f78535beea38e087c8f000000010006",
            "1e1a201f535beea38e087c95f5a101d3d29d6f78000000000001",
            "1e1a201ff5a101d3d29d6f79535beea38e087c95000000000001",
            "1e0c2003535beea38e087c96",
        ]
    );
}

#[test]
fn with_checksums_the_vectors_of_the_reference_come_out() {
    let (mut a, mut b, lines) = opened(true);
    // S3 in the data form of MP_CAPABLE.
    assert_eq!(
        lines.last().unwrap(),
        "1e18018101020304050607081112131415161718000582a1"
    );
    // S11: the first data of B.
    b.write(6);
    let reply = b.send(out(1, 6), b"world!");
    assert_eq!(
        hex(&reply),
        "1e1c200ff5a101d3d29d6f78535beea38e087c8f0000000100066564"
    );
    a.receive(rx(1, 6, 6), b"world!", &reply);
    assert_eq!(a.read, b"world!");
    // S4: a DATA_FIN alone. The DATA_ACK differs from the vector's, the checksum does not.
    a.post(Event::ShutdownWrite);
    let fin = a.send(out(6, 0), &[]);
    assert_eq!(
        hex(&fin),
        "1e1c201f535beea38e087c95f5a101d3d29d6f78000000000001c673"
    );
    // S5: the same bytes again, now with the DATA_FIN behind them, as a DSS.
    let again = a.send(out(1, 5), b"hello");
    assert_eq!(
        hex(&again),
        "1e1c201f535beea38e087c95f5a101d3d29d6f7300000001000682a0"
    );
}
