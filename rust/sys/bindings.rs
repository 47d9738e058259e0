// SPDX-License-Identifier: GPL-2.0

//! The one door to the bindings that bindgen makes from `bindings_helper.h`; private to `sys`.
#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code
)]
#![allow(
    clippy::all,
    improper_ctypes,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused
)]
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::ptr_as_ptr,
    clippy::ref_as_ptr,
    clippy::cast_lossless,
    clippy::as_ptr_cast_mut,
    clippy::as_underscore,
    clippy::ptr_cast_constness
)]

use kernel::bindings::tracepoint;
use kernel::ffi;

type __kernel_size_t = usize;
type __kernel_ssize_t = isize;
type __kernel_ptrdiff_t = isize;

include!(env!("RUST_MPTCP_BINDINGS"));
