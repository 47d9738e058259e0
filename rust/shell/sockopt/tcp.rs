// SPDX-License-Identifier: GPL-2.0

//! SOL_TCP.

use super::super::msk::Msk;
use super::super::{connect, sendmsg};
use super::options::Word;
use super::{first, put_int, tcp_sockets};
use crate::sys::sock::{state, Sock};
use crate::sys::sockopt::names::*;
use crate::sys::sockopt::{set_tcp, GetOpt, SetOpt};
use kernel::prelude::*;

/// Whether setting an option makes sense below MPTCP: the others are unknown here.
pub(super) fn is_known(name: u32) -> bool {
    matches!(
        name,
        TCP_CONGESTION
            | TCP_CORK
            | TCP_DEFER_ACCEPT
            | TCP_FASTOPEN
            | TCP_FASTOPEN_CONNECT
            | TCP_FASTOPEN_KEY
            | TCP_FASTOPEN_NO_COOKIE
            | TCP_INQ
            | TCP_KEEPCNT
            | TCP_KEEPIDLE
            | TCP_KEEPINTVL
            | TCP_LINGER2
            | TCP_MAXSEG
            | TCP_NODELAY
            | TCP_NOTSENT_LOWAT
            | TCP_QUICKACK
            | TCP_SAVE_SYN
            | TCP_SYNCNT
            | TCP_THIN_DUPACK
            | TCP_THIN_LINEAR_TIMEOUTS
            | TCP_TIMESTAMP
            | TCP_TX_DELAY
            | TCP_USER_TIMEOUT
            | TCP_WINDOW_CLAMP
    )
}

/// setsockopt(2).
pub(super) fn set(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    match opt.name {
        TCP_CONGESTION => return set_congestion(sk, msk, opt),
        TCP_DEFER_ACCEPT => {
            // It is only advice: whether TCP took it does not matter.
            let _advice = set_first(sk, msk, opt);
            return Ok(());
        }
        TCP_FASTOPEN | TCP_FASTOPEN_CONNECT | TCP_FASTOPEN_KEY | TCP_FASTOPEN_NO_COOKIE => {
            return set_first(sk, msk, opt);
        }
        _ => {}
    }
    let value = opt.int()?;
    let guard = sk.lock();
    let result = set_int(sk, msk, opt.name, value);
    drop(guard);
    result
}

/// An option whose value is an integer. The socket is locked.
fn set_int(sk: &Sock, msk: &Msk, name: u32, value: i32) -> Result {
    let options = &msk.options;
    let word = u32::from_ne_bytes(value.to_ne_bytes());
    match name {
        TCP_INQ => match word {
            0 | 1 => options.inq.set(word),
            _ => return Err(EINVAL),
        },
        TCP_NOTSENT_LOWAT => {
            options.notsent_lowat.set(word);
            sk.write_space();
        }
        TCP_NODELAY => return set_push(sk, msk, name, word, &options.nodelay),
        TCP_CORK => return set_push(sk, msk, name, word, &options.cork),
        TCP_KEEPIDLE => return set_if_all(msk, name, word, &options.keep_idle),
        TCP_KEEPINTVL => return set_if_all(msk, name, word, &options.keep_interval),
        TCP_KEEPCNT => return set_if_all(msk, name, word, &options.keep_count),
        TCP_MAXSEG => {
            options.max_segment.set(word);
            return each(msk, name, &word.to_ne_bytes());
        }
        _ => return Err(ENOPROTOOPT),
    }
    Ok(())
}

/// Sets an option of every TCP socket; the first error is the result, and does not keep the others from it.
fn each(msk: &Msk, name: u32, value: &[u8]) -> Result {
    let mut result = Ok(());
    for (_, ssk) in tcp_sockets(msk)?.iter() {
        result = result.and(set_tcp(ssk, name, value));
    }
    result
}

/// TCP_NODELAY and TCP_CORK: what waited for more may go.
fn set_push(sk: &Sock, msk: &Msk, name: u32, value: u32, keep: &Word) -> Result {
    let value = u32::from(value != 0);
    keep.set(value);
    each(msk, name, &value.to_ne_bytes())?;
    sendmsg::push_all(sk, msk);
    Ok(())
}

/// Keeps the value if every TCP socket takes it.
fn set_if_all(msk: &Msk, name: u32, value: u32, keep: &Word) -> Result {
    each(msk, name, &value.to_ne_bytes())?;
    keep.set(value);
    Ok(())
}

/// TCP_CONGESTION. Without a TCP socket any name is taken, and TCP judges it when there is one.
fn set_congestion(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    let mut name = [0; 16];
    let len = opt.len().min(name.len().saturating_sub(1));
    if len == 0 {
        return Err(EINVAL);
    }
    opt.read(name.get_mut(..len).unwrap_or_default())?;
    // What follows the end of a string is not part of the name.
    let mut end = false;
    for byte in &mut name {
        end |= *byte == 0;
        if end {
            *byte = 0;
        }
    }
    let guard = sk.lock();
    each(msk, TCP_CONGESTION, &name)?;
    msk.options.set_congestion(name);
    drop(guard);
    Ok(())
}

/// An option of the first TCP socket, which must not be connected.
fn set_first(sk: &Sock, msk: &Msk, opt: &SetOpt) -> Result {
    let guard = sk.lock();
    let ssk = connect::first_socket(sk, msk)?;
    opt.apply_to_tcp(&ssk)?;
    drop(guard);
    Ok(())
}

/// As [`replay`], to a subflow that has the options of a listener, which may have others than the connection.
pub(super) fn replay_over(msk: &Msk, ssk: &Sock) {
    let options = &msk.options;
    let words = [
        (TCP_CORK, &options.cork),
        (TCP_NODELAY, &options.nodelay),
        (TCP_MAXSEG, &options.max_segment),
    ];
    for (name, word) in words {
        if word.get() == 0 {
            let _unfit = set_tcp(ssk, name, &0_u32.to_ne_bytes());
        }
    }
    replay(msk, ssk);
}

/// Applies what was set before the TCP socket was there. The MPTCP socket is locked.
pub(super) fn replay(msk: &Msk, ssk: &Sock) {
    let options = &msk.options;
    if let Some(name) = options.congestion() {
        // A name that TCP does not know leaves the namespace's choice.
        let _unknown = set_tcp(ssk, TCP_CONGESTION, &name);
    }
    let words = [
        (TCP_CORK, &options.cork),
        (TCP_NODELAY, &options.nodelay),
        (TCP_KEEPIDLE, &options.keep_idle),
        (TCP_KEEPINTVL, &options.keep_interval),
        (TCP_KEEPCNT, &options.keep_count),
        (TCP_MAXSEG, &options.max_segment),
    ];
    for (name, word) in words {
        if word.get() != 0 {
            // Out of range: TCP keeps its own value.
            let _unfit = set_tcp(ssk, name, &word.get().to_ne_bytes());
        }
    }
}

/// getsockopt(2).
pub(super) fn get(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    let options = &msk.options;
    let (idle, interval, probes) = sk.default_keepalive();
    let value = match opt.name {
        // The ULP of a listener goes by another name (sys/callbacks.rs), which is nobody's business here.
        TCP_ULP if sk.state() == state::LISTEN => return put_ulp(opt),
        TCP_ULP
        | TCP_CONGESTION
        | TCP_INFO
        | TCP_CC_INFO
        | TCP_DEFER_ACCEPT
        | TCP_FASTOPEN
        | TCP_FASTOPEN_CONNECT
        | TCP_FASTOPEN_KEY
        | TCP_FASTOPEN_NO_COOKIE
        | TCP_MAXSEG => {
            return get_first(sk, msk, opt);
        }
        TCP_INQ => int(&options.inq),
        TCP_CORK => int(&options.cork),
        TCP_NODELAY => int(&options.nodelay),
        TCP_NOTSENT_LOWAT => int(&options.notsent_lowat),
        TCP_KEEPIDLE => or_default(&options.keep_idle, idle),
        TCP_KEEPINTVL => or_default(&options.keep_interval, interval),
        TCP_KEEPCNT => or_default(&options.keep_count, probes),
        TCP_IS_MPTCP => 1,
        _ => return Err(EOPNOTSUPP),
    };
    put_int(opt, value)
}

/// The name of our ULP, as far as there is room for TCP's 16 octets.
fn put_ulp(opt: &GetOpt) -> Result {
    let name = b"mptcp\0\0\0\0\0\0\0\0\0\0\0";
    let room = usize::try_from(opt.room()?).map_err(|_| EINVAL)?;
    opt.write(name.get(..room).unwrap_or(name))
}

fn int(word: &Word) -> i32 {
    i32::from_ne_bytes(word.get().to_ne_bytes())
}

fn or_default(word: &Word, default: i32) -> i32 {
    match int(word) {
        0 => default,
        value => value,
    }
}

/// An option that the first TCP socket answers.
fn get_first(sk: &Sock, msk: &Msk, opt: &GetOpt) -> Result {
    let guard = sk.lock();
    let ssk = first(sk, msk)?;
    let result = opt.ask_tcp(&ssk);
    drop(guard);
    result
}
