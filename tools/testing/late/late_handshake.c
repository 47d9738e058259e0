// SPDX-License-Identifier: GPL-2.0
/*
 * Holds up a handshake, in the softirq that handles it, at a function of TCP: what happens on another
 * CPU at that very moment is a matter of microseconds otherwise. For tools/testing/net/closing.sh.
 *
 *	insmod late_handshake.ko [at=FUNCTION] [us=N]
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static char *at = "tcp_check_req";
module_param(at, charp, 0444);
MODULE_PARM_DESC(at, "the function of TCP that is late");

static int us = 2000;
module_param(us, int, 0444);
MODULE_PARM_DESC(us, "how late, in microseconds");

static int hold_up(struct kprobe *probe, struct pt_regs *regs)
{
	udelay(us);
	return 0;
}

static struct kprobe probe = {
	.pre_handler = hold_up,
};

static int __init late_handshake_init(void)
{
	probe.symbol_name = at;
	return register_kprobe(&probe);
}

static void __exit late_handshake_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(late_handshake_init);
module_exit(late_handshake_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Holds up TCP handshakes");
