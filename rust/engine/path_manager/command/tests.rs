// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::vec::Vec;

/// An attribute as C lays it out, padded.
fn put(number: u16, value: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    all.extend((4 + value.len() as u16).to_ne_bytes());
    all.extend(number.to_ne_bytes());
    all.extend(value);
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

fn word(number: u16, value: u32) -> Vec<u8> {
    put(number, &value.to_ne_bytes())
}

fn nest(number: u16, parts: &[Vec<u8>]) -> Vec<u8> {
    put(number, &parts.concat())
}

fn v4(last: u8) -> Vec<u8> {
    let family = put(part::FAMILY, &family::INET.to_ne_bytes());
    [family, put(part::ADDR4, &[10, 0, 0, last])].concat()
}

fn v6() -> Vec<u8> {
    let family = put(part::FAMILY, &family::INET6.to_ne_bytes());
    [family, put(part::ADDR6, &[0xFD; 16])].concat()
}

fn id(id: u8) -> Vec<u8> {
    put(part::ID, &[id])
}

fn port(port: u16) -> Vec<u8> {
    put(part::PORT, &port.to_ne_bytes())
}

fn flags(flags: u32) -> Vec<u8> {
    word(part::FLAGS, flags)
}

fn asked(command: u8, attrs: &[Vec<u8>]) -> Result<Command, Refusal> {
    decode(command, &attrs.concat())
}

/// What is asked of connection 7, said first.
fn wished(command: u8, attrs: &[Vec<u8>]) -> Result<Wish, Refusal> {
    let all = [word(attr::TOKEN, 7), attrs.concat()];
    match asked(command, &all) {
        Ok(Command::Of(OfConnection { token, at, wish })) => {
            assert_eq!((token, at), (Token(7), 0));
            wish
        }
        other => panic!("{other:?}"),
    }
}

fn senseless_at(at: usize) -> impl Fn(Refusal) -> bool {
    move |no| matches!(no, Refusal::Senseless { at: Some(found), .. } if found == at)
}

#[test]
fn an_endpoint_with_everything() {
    let parts = [
        v4(1),
        id(3),
        port(80),
        flags(0xFFFF_FFC5),
        word(part::IF_IDX, 9),
    ];
    let new = Endpoint {
        id: AddrId(3),
        addr: IpAddr::from([10, 0, 0, 1]),
        port: NonZeroU16::new(80),
        flags: Flags(0x05),
        device: 9,
    };
    let add = asked(number::ADD_ADDR, &[nest(attr::ADDR, &parts)]);
    assert_eq!(add, Ok(Command::Add { new, at: 0 }));
    let six = asked(number::ADD_ADDR, &[nest(attr::ADDR, &[v6()])]);
    let Ok(Command::Add { new, .. }) = six else {
        panic!("{six:?}");
    };
    assert_eq!(new.addr, IpAddr::from([0xFD; 16]));
    assert_eq!((new.id, new.port, new.flags), (AddrId(0), None, Flags(0)));
}

#[test]
fn an_address_that_is_none() {
    let odd: [&[Vec<u8>]; 5] = [
        &[id(1)],
        &[put(part::FAMILY, &family::INET.to_ne_bytes())],
        &[
            put(part::FAMILY, &family::INET.to_ne_bytes()),
            put(part::ADDR6, &[0; 16]),
        ],
        &[
            put(part::FAMILY, &family::INET6.to_ne_bytes()),
            put(part::ADDR4, &[0; 4]),
        ],
        &[
            put(part::FAMILY, &7_u16.to_ne_bytes()),
            put(part::ADDR4, &[0; 4]),
        ],
    ];
    for parts in odd {
        let all = [word(attr::SUBFLOWS, 1), nest(attr::ADDR, parts)];
        let no = asked(number::ADD_ADDR, &all).unwrap_err();
        assert!(senseless_at(8)(no), "{no:?}");
    }
    let short = [
        [put(part::FAMILY, &[2]), put(part::ADDR4, &[0; 4])].concat(),
        [v4(1), put(part::ID, &[])].concat(),
        [v4(1), put(part::PORT, &[1])].concat(),
        [v4(1), put(part::FLAGS, &[1; 3])].concat(),
        [v4(1), put(part::IF_IDX, &[1; 3])].concat(),
        [v4(1), put(part::ADDR4, &[1; 3])].concat(),
        [v6(), put(part::ADDR6, &[1; 15])].concat(),
    ];
    for parts in short {
        let no = asked(number::ADD_ADDR, &[nest(attr::ADDR, &[parts])]);
        assert_eq!(no, Err(Refusal::Short));
    }
}

#[test]
fn what_must_be_there_is_missed() {
    let missing = |number| Err(Refusal::Missing(number));
    let (local, token) = (nest(attr::ADDR, &[v4(1)]), word(attr::TOKEN, 7));
    let loc = put(attr::LOC_ID, &[1]);
    for command in [1, 2, 3, 7, 8, 10, 11] {
        assert_eq!(asked(command, &[]), missing(attr::ADDR), "{command}");
    }
    assert_eq!(asked(number::REMOVE, &[]), missing(attr::LOC_ID));
    assert_eq!(asked(number::REMOVE, &[loc]), missing(attr::TOKEN));
    assert_eq!(
        asked(number::ANNOUNCE, core::slice::from_ref(&local)),
        missing(attr::TOKEN)
    );
    for command in [number::SUBFLOW_CREATE, number::SUBFLOW_DESTROY] {
        let no = asked(command, &[local.clone(), token.clone()]);
        assert_eq!(no, missing(attr::ADDR_REMOTE));
    }
    let no = asked(number::SET_FLAGS, &[local, token]);
    assert_eq!(no, missing(attr::ADDR_REMOTE));
    for command in [0, 12, 255] {
        assert_eq!(asked(command, &[]), Err(Refusal::Unknown));
    }
}

#[test]
fn commands_on_endpoints() {
    let of = |parts: &[Vec<u8>]| [nest(attr::ADDR, parts)];
    let (one, at) = (AddrId(1), 0);
    let remove = |parts: &[Vec<u8>]| asked(number::DEL_ADDR, &of(parts));
    assert_eq!(remove(&[id(1)]), Ok(Command::Remove { id: one, at }));
    let addr = IpAddr::from([10, 0, 0, 1]);
    let place = Some((addr, NonZeroU16::new(80)));
    assert_eq!(
        remove(&[v4(1), port(80)]),
        Ok(Command::RemoveFirst { place })
    );
    assert_eq!(remove(&[]), Ok(Command::RemoveFirst { place: None }));
    let get = asked(number::GET_ADDR, &of(&[id(1)]));
    assert_eq!(get, Ok(Command::Get { id: one, at }));
    let change = |parts: &[Vec<u8>]| asked(number::SET_FLAGS, &of(parts));
    let flags_of = |which| {
        Ok(Command::SetFlags {
            which,
            flags: Flags(4),
            at,
        })
    };
    assert_eq!(change(&[id(1), flags(4)]), flags_of(Which::Id(one)));
    // The address counts, where both are given.
    assert_eq!(
        change(&[id(1), v4(1), flags(4)]),
        flags_of(Which::At(addr, None))
    );
    assert_eq!(change(&[flags(4)]), Err(Refusal::Nameless { at }));
    assert_eq!(asked(number::FLUSH_ADDRS, &[]), Ok(Command::Flush));
    assert_eq!(asked(number::GET_LIMITS, &[]), Ok(Command::Limits));
}

#[test]
fn limits_have_a_limit() {
    let set = |accepted, extra_subflows| {
        Ok(Command::SetLimits {
            accepted,
            extra_subflows,
        })
    };
    let ask = |attrs: &[Vec<u8>]| asked(number::SET_LIMITS, attrs);
    assert_eq!(ask(&[]), set(None, None));
    assert_eq!(ask(&[word(attr::RCV_ADD_ADDRS, 64)]), set(Some(64), None));
    assert_eq!(ask(&[word(attr::SUBFLOWS, 0)]), set(None, Some(0)));
    for limit in [65, 256, u32::MAX] {
        let no = ask(&[word(attr::RCV_ADD_ADDRS, 1), word(attr::SUBFLOWS, limit)]);
        assert!(senseless_at(8)(no.unwrap_err()));
    }
    assert_eq!(ask(&[put(attr::SUBFLOWS, &[1; 3])]), Err(Refusal::Short));
}

#[test]
fn a_connection_is_asked_to_announce_and_withdraw() {
    let announce = |parts: &[Vec<u8>]| wished(number::ANNOUNCE, &[nest(attr::ADDR, parts)]);
    let Ok(Wish::Announce { new, at: 8 }) = announce(&[v4(1), id(6), flags(1)]) else {
        panic!();
    };
    assert_eq!((new.id, new.flags), (AddrId(6), Flags::SIGNAL));
    for parts in [[v4(1), id(0), flags(1)], [v4(1), id(6), flags(2)]] {
        assert!(senseless_at(8)(announce(&parts).unwrap_err()));
    }
    // That it is no address is found when the connection was.
    assert!(senseless_at(8)(announce(&[id(6)]).unwrap_err()));
    let withdraw = wished(number::REMOVE, &[put(attr::LOC_ID, &[6])]);
    let (id_6, at) = (AddrId(6), 8);
    assert_eq!(withdraw, Ok(Wish::Withdraw { id: id_6, at }));
    let short = asked(number::REMOVE, &[put(attr::LOC_ID, &[])]);
    assert_eq!(short, Err(Refusal::Short));
    let get = wished(number::GET_ADDR, &[nest(attr::ADDR, &[id(6)])]);
    assert_eq!(get, Ok(Wish::Get { id: id_6, at }));
}

#[test]
fn a_connection_is_asked_for_subflows() {
    let ends =
        |from: &[Vec<u8>], to: &[Vec<u8>]| [nest(attr::ADDR, from), nest(attr::ADDR_REMOTE, to)];
    let create = |from: &[Vec<u8>], to: &[Vec<u8>]| wished(number::SUBFLOW_CREATE, &ends(from, to));
    let Ok(Wish::Create { from, to, at: 8 }) = create(&[v4(1), flags(4)], &[v4(2), port(80)])
    else {
        panic!();
    };
    assert_eq!(from.flags, Flags(6));
    assert_eq!(
        (to.addr, to.port),
        ([10, 0, 0, 2].into(), NonZeroU16::new(80))
    );
    let no = create(&[v4(1), flags(1)], &[v4(2)]).unwrap_err();
    assert!(senseless_at(8)(no));
    let mixed = Refusal::Senseless {
        at: None,
        why: "both addresses must be of one family",
    };
    assert_eq!(create(&[v4(1)], &[v6()]), Err(mixed));

    let destroy =
        |from: &[Vec<u8>], to: &[Vec<u8>]| wished(number::SUBFLOW_DESTROY, &ends(from, to));
    assert!(destroy(&[v4(1), port(9)], &[v4(2), port(80)]).is_ok());
    assert_eq!(destroy(&[v4(1)], &[v6()]), Err(mixed));
    let no = destroy(&[v4(1)], &[v4(2), port(80)]).unwrap_err();
    assert!(senseless_at(8)(no));
    let no = destroy(&[v4(1), port(9)], &[v4(2)]).unwrap_err();
    let second = 8 + nest(attr::ADDR, &[v4(1), port(9)]).len();
    assert!(senseless_at(second)(no));

    let prio = |from: &[Vec<u8>], to: &[Vec<u8>]| wished(number::SET_FLAGS, &ends(from, to));
    let Ok(Wish::SetBackup { backup: true, .. }) = prio(&[v4(1), flags(4)], &[v4(2)]) else {
        panic!();
    };
    assert!(senseless_at(8)(
        prio(&[id(5), flags(4)], &[v4(2)]).unwrap_err()
    ));
}

#[test]
fn a_list_is_of_a_connection_or_of_the_namespace() {
    assert_eq!(decode_list(&[]), Ok(None));
    let of_one = decode_list(&word(attr::TOKEN, 7));
    assert_eq!(of_one, Ok(Some((Token(7), 0))));
    let short = decode_list(&put(attr::TOKEN, &[7]));
    assert_eq!(short, Err(Refusal::Short));
}
