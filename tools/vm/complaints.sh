# shellcheck shell=bash
# What the kernel says when something is wrong with it, as an extended regular expression.
# shellcheck disable=SC2034
COMPLAINTS='cut here \]|Kernel panic|BUG: |BUG at |Oops|KASAN:|general protection fault|possible (circular|recursive)|suspicious RCU|refcount_t:|soft lockup|hung_task|blocked for more than|rcu.*stall'
