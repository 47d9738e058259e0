/* SPDX-License-Identifier: GPL-2.0 */
/* What the program in the guest and the plugin agree on: an instruction that does nothing and that nobody else uses. */
#define MARK_SIZE 8
/* nopl NUMBER(%rax,%rax,1), with a number that says whose it is and what it means */
#define MARK(meaning) 0x0f, 0x1f, 0x84, 0x00, 0x0d, 0xf0, 0xad, meaning
#define MARK_BEGIN 0x01
#define MARK_END 0x02
