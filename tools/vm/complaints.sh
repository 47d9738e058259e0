# shellcheck shell=bash
# What the kernel says when something is wrong with it, as an extended regular expression.
# shellcheck disable=SC2034
COMPLAINTS='cut here \]|Kernel panic|BUG: |BUG at |WARNING: |Oops|KASAN:|general protection fault|panicked at'
COMPLAINTS+='|non-static key|lockdep is turned off|refcount_t:|ref_tracker: .* users at|soft lockup|hung_task|blocked for more than'
COMPLAINTS+='|rcu.*stall|unregister_netdevice: waiting|Attempt to release|Objects remaining'
