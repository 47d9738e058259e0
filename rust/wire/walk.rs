// SPDX-License-Identifier: GPL-2.0

//! The list of TCP options: kind, length, bounds (RFC 9293 3.1).
//!
//! The only reader of kind and length octets. Kind 0 ends the list, kind 1 is one octet of
//! padding, every other kind has a length that counts both octets. A length that is too short or
//! runs past the end stops the walk; what came before it stands.

use super::OPTION_SPACE;

/// End of the list.
pub const END: u8 = 0;
/// One octet of padding.
pub const NOP: u8 = 1;
/// Selective acknowledgements are understood (RFC 2018 2).
pub const SACK_PERMITTED: u8 = 4;
/// Selective acknowledgements (RFC 2018 3).
pub const SACK: u8 = 5;
/// Timestamps (RFC 7323 3).
pub const TIMESTAMPS: u8 = 8;
/// TCP Fast Open cookie (RFC 7413 4.1.1).
pub const FAST_OPEN: u8 = 34;
/// Shared by experiments (RFC 6994); early TCP Fast Open among them.
pub const EXPERIMENT: u8 = 254;
/// What tells early TCP Fast Open from other experiments.
const FAST_OPEN_MAGIC: [u8; 2] = [0xF9, 0x89];

/// One option other than padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its kind.
    pub kind: u8,
    /// Its place in the option area.
    pub offset: usize,
    /// All of it, kind and length included.
    pub bytes: &'a [u8],
    /// What follows kind and length.
    pub body: &'a [u8],
}

impl Item<'_> {
    /// Whether it is a TCP Fast Open cookie, in either of its two forms.
    pub fn is_fast_open(&self) -> bool {
        self.kind == FAST_OPEN
            || (self.kind == EXPERIMENT && self.body.first_chunk() == Some(&FAST_OPEN_MAGIC))
    }
}

/// Walks the options of a TCP header; skips padding.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    rest: &'a [u8],
    offset: usize,
    broken: bool,
}

impl<'a> Walk<'a> {
    /// A walk over `area`, what follows the fixed part of a TCP header.
    ///
    /// Anything beyond 40 octets cannot be part of a header and is not looked at.
    #[inline]
    pub fn new(area: &'a [u8]) -> Self {
        Self {
            rest: area.get(..OPTION_SPACE).unwrap_or(area),
            offset: 0,
            broken: false,
        }
    }

    /// Whether the walk was stopped by a bad length.
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Stops the walk: what is left cannot be told apart.
    fn break_off(&mut self) -> Option<Item<'a>> {
        self.broken = true;
        self.rest = &[];
        None
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            match *self.rest {
                [] | [END, ..] => {
                    self.rest = &[];
                    return None;
                }
                [NOP, ref rest @ ..] => {
                    self.rest = rest;
                    self.offset = self.offset.wrapping_add(1);
                }
                [_] => return self.break_off(),
                [kind, len, ..] => {
                    let Some((bytes, rest)) = self.rest.split_at_checked(usize::from(len)) else {
                        return self.break_off();
                    };
                    let [_, _, body @ ..] = bytes else {
                        return self.break_off();
                    };
                    let offset = self.offset;
                    self.rest = rest;
                    self.offset = offset.wrapping_add(bytes.len());
                    return Some(Item {
                        kind,
                        offset,
                        bytes,
                        body,
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
