// SPDX-License-Identifier: GPL-2.0

//! The only room with `unsafe`.

mod bindings;
