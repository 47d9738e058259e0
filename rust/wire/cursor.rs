// SPDX-License-Identifier: GPL-2.0

//! Reading and writing of big-endian fields that cannot run over.
//!
//! All multi-octet fields of RFC 8684 are big-endian.

/// Takes fields off the front of a slice.
///
/// Every read either yields the whole field or `None`, and then leaves the rest untouched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` octets.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    /// The next octet.
    #[inline]
    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// The next 16-bit field.
    #[inline]
    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next 32-bit field.
    #[inline]
    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next 64-bit field.
    #[inline]
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// What was not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// Copies as many octets as both slices have. Unlike `copy_from_slice` it has no way to panic.
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    for (slot, octet) in to.iter_mut().zip(from) {
        *slot = *octet;
    }
}

/// Puts fields at the front of a buffer.
///
/// A field that does not fit is not written and marks the writer as overrun; nothing is written
/// after that.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    rest: &'a mut [u8],
    used: usize,
    overrun: bool,
}

impl<'a> Writer<'a> {
    /// A writer at the start of `buffer`.
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            rest: buffer,
            used: 0,
            overrun: false,
        }
    }

    /// Appends `N` octets.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        match core::mem::take(&mut self.rest).split_first_chunk_mut::<N>() {
            Some((head, rest)) => {
                *head = bytes;
                self.rest = rest;
                self.used = self.used.wrapping_add(N);
            }
            None => self.overrun = true,
        }
    }

    /// Appends a slice.
    pub(super) fn slice(&mut self, bytes: &[u8]) {
        match core::mem::take(&mut self.rest).split_at_mut_checked(bytes.len()) {
            Some((head, rest)) => {
                copy(head, bytes);
                self.rest = rest;
                self.used = self.used.wrapping_add(bytes.len());
            }
            None => self.overrun = true,
        }
    }

    /// Appends an octet.
    #[inline]
    pub(super) fn u8(&mut self, value: u8) {
        self.array(value.to_be_bytes());
    }

    /// Appends a 16-bit field.
    #[inline]
    pub(super) fn u16(&mut self, value: u16) {
        self.array(value.to_be_bytes());
    }

    /// Appends a 32-bit field.
    #[inline]
    pub(super) fn u32(&mut self, value: u32) {
        self.array(value.to_be_bytes());
    }

    /// Appends a 64-bit field.
    #[inline]
    pub(super) fn u64(&mut self, value: u64) {
        self.array(value.to_be_bytes());
    }

    /// Octets written so far.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Octets written, or `None` if something did not fit.
    pub(super) const fn finish(&self) -> Option<usize> {
        if self.overrun {
            None
        } else {
            Some(self.used)
        }
    }
}
