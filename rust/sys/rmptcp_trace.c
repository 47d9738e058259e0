// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of rmptcp_trace.h, and for each a function that Rust can call. */
#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "rmptcp_trace.h"
