// SPDX-License-Identifier: GPL-2.0
/*
 * Holds up the segment that completes a handshake, in the softirq that handles it, between TCP's
 * look at the listener and its call into it: what happens on another CPU at that very moment is a
 * matter of microseconds otherwise. For tools/testing/net/closing.sh.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static int us = 2000;
module_param(us, int, 0444);
MODULE_PARM_DESC(us, "how long, in microseconds");

static int hold_up(struct kprobe *probe, struct pt_regs *regs)
{
	udelay(us);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "tcp_check_req",
	.pre_handler = hold_up,
};

static int __init late_handshake_init(void)
{
	return register_kprobe(&probe);
}

static void __exit late_handshake_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(late_handshake_init);
module_exit(late_handshake_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Holds up the last segment of each TCP handshake");
