// SPDX-License-Identifier: GPL-2.0
/* One-line wrappers of inline functions and macros that Rust cannot call: no branch, no loop, no lock of their own. */
#include "helpers.h"

#include <linux/cgroup.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/memcontrol.h>
#include <linux/mptcp.h>
#include <linux/siphash.h>
#include <linux/sock_diag.h>
#include <net/mptcp.h>
#include <net/hotdata.h>
#include <net/ip6_checksum.h>
#include <net/netlink.h>

void rmptcp_sock_hold(struct sock *sk) { sock_hold(sk); }
void rmptcp_sock_put(struct sock *sk) { sock_put(sk); }
void rmptcp_lock_sock(struct sock *sk) { lock_sock(sk); }
void rmptcp_own_lock_class(struct sock *sk) { static struct lock_class_key keys[2]; sock_lock_init_class_and_name(sk, "slock-rust_mptcp", &keys[0], "sk_lock-rust_mptcp", &keys[1]); }
void rmptcp_lock_sock_nested(struct sock *sk) { lock_sock_nested(sk, SINGLE_DEPTH_NESTING); }
bool rmptcp_lock_sock_fast_nested(struct sock *sk) { return lock_sock_fast_nested(sk); }
bool rmptcp_sock_owned(const struct sock *sk) { return sock_owned_by_user_nocheck(sk); }
void rmptcp_unlock_sock_fast(struct sock *sk, bool slow) { unlock_sock_fast(sk, slow); }
bool rmptcp_bh_try_lock_sock(struct sock *sk) { local_bh_disable(); bh_lock_sock_nested(sk); if (!sock_owned_by_user_nocheck(sk)) return true; rmptcp_bh_give_back_sock(sk); return false; }
void rmptcp_bh_give_back_sock(struct sock *sk) { bh_unlock_sock(sk); local_bh_enable(); }
void rmptcp_bh_unlock_sock(struct sock *sk) { bh_unlock_sock(sk); }
bool rmptcp_sk_wmem_schedule(struct sock *sk, int size) { return sk_wmem_schedule(sk, size); }
bool rmptcp_sk_rmem_schedule(struct sock *sk, int size) { return __sk_rmem_schedule(sk, size, false); }
void rmptcp_sk_mem_charge(struct sock *sk, int size) { sk_mem_charge(sk, size); }
void rmptcp_sk_mem_uncharge(struct sock *sk, int size) { sk_mem_uncharge(sk, size); }
void rmptcp_sk_mem_reclaim(struct sock *sk) { sk_mem_reclaim(sk); }
void rmptcp_sk_wmem_queued_add(struct sock *sk, int val) { sk_wmem_queued_add(sk, val); }
void rmptcp_rmem_add(struct sock *sk, int val) { atomic_add(val, &sk->sk_rmem_alloc); }
int rmptcp_rmem_get(const struct sock *sk) { return atomic_read(&sk->sk_rmem_alloc); }
bool rmptcp_sk_stream_memory_free(struct sock *sk) { return sk_stream_memory_free(sk); }
bool rmptcp_sk_stream_is_writeable(struct sock *sk) { return sk_stream_is_writeable(sk); }
bool rmptcp_sock_flag(const struct sock *sk, enum sock_flags flag) { return sock_flag(sk, flag); }
void rmptcp_sock_set_flag(struct sock *sk, enum sock_flags flag) { sock_set_flag(sk, flag); }
void rmptcp_sock_reset_flag(struct sock *sk, enum sock_flags flag) { sock_reset_flag(sk, flag); }
long rmptcp_sock_rcvtimeo(const struct sock *sk, bool noblock) { return sock_rcvtimeo(sk, noblock); }
long rmptcp_sock_sndtimeo(const struct sock *sk, bool noblock) { return sock_sndtimeo(sk, noblock); }
int rmptcp_sock_rcvlowat(const struct sock *sk, int waitall, int len) { return sock_rcvlowat(sk, waitall, len); }
int rmptcp_sock_intr_errno(long timeo) { return sock_intr_errno(timeo); }
void rmptcp_graft_shared(struct sock *sk, struct socket *parent) { rcu_assign_pointer(sk->sk_wq, &parent->wq); sk_set_socket(sk, parent); }
void rmptcp_graft_nobody(struct sock *sk, struct socket *nobody) { rcu_assign_pointer(sk->sk_wq, &nobody->wq); WRITE_ONCE(sk->sk_socket, nobody); }
void rmptcp_sock_graft(struct sock *sk, struct socket *parent) { sock_graft(sk, parent); }
void rmptcp_sock_orphan(struct sock *sk) { sock_orphan(sk); }
bool rmptcp_syn_gets_cookie(const struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_syncookies) == 2 || inet_csk_reqsk_queue_is_full(sk); }
bool rmptcp_netdev_works(const struct net_device *dev) { return netif_running(dev) && netif_carrier_ok(dev); }
struct net *rmptcp_dev_net(const struct net_device *dev) { return dev_net(dev); }
int rmptcp_route_device(struct sock *sk) { struct dst_entry *dst = __sk_dst_get(sk); return dst ? dst_dev(dst)->ifindex : 0; }
bool rmptcp_connect6_may_be_rewritten(void) { return cgroup_bpf_enabled(CGROUP_INET6_CONNECT); }
struct net *rmptcp_sock_net(const struct sock *sk) { return sock_net(sk); }
struct page_frag *rmptcp_sk_page_frag(struct sock *sk) { return sk_page_frag(sk); }
void rmptcp_set_nospace(struct socket *sock) { set_bit(SOCK_NOSPACE, &sock->flags); smp_mb__after_atomic(); }
bool rmptcp_is_nospace(const struct socket *sock) { return test_bit(SOCK_NOSPACE, &sock->flags); }
void rmptcp_sk_set_bit_async_nospace(struct sock *sk) { sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk); }
void rmptcp_sock_poll_wait(struct file *file, struct socket *sock, struct poll_table_struct *p) { sock_poll_wait(file, sock, p); }
void rmptcp_sk_sockets_allocated_inc(struct sock *sk) { sk_sockets_allocated_inc(sk); }
void rmptcp_sk_sockets_allocated_dec(struct sock *sk) { sk_sockets_allocated_dec(sk); }
void rmptcp_sock_prot_inuse_add(struct sock *sk, int inc) { sock_prot_inuse_add(sock_net(sk), sk->sk_prot, inc); }
void rmptcp_sk_state_change(struct sock *sk) { sk->sk_state_change(sk); }
void rmptcp_sk_data_ready(struct sock *sk) { sk->sk_data_ready(sk); }
void rmptcp_sk_write_space(struct sock *sk) { sk->sk_write_space(sk); }

struct tcp_skb_cb *rmptcp_tcp_skb_cb(struct sk_buff *skb) { return TCP_SKB_CB(skb); }
struct sk_buff *rmptcp_tcp_send_head(const struct sock *sk) { return tcp_send_head(sk); }
u32 rmptcp_tcp_win_from_space(const struct sock *sk, u32 space) { return tcp_win_from_space(sk, space); }
u32 rmptcp_tcp_space_from_win(const struct sock *sk, u32 win) { return tcp_space_from_win(sk, win); }
bool rmptcp_tcp_under_memory_pressure(const struct sock *sk) { return tcp_under_memory_pressure(sk); }
bool rmptcp_tcp_checksum_complete(struct sk_buff *skb) { __wsum seed = skb->csum; bool bad = tcp_checksum_complete(skb); if (bad) skb->csum = seed; return bad; }
void rmptcp_filter_hold(struct sk_filter *filter) { refcount_set(&filter->refcnt, 1 << 30); }
void rmptcp_set_filter(struct sock *sk, struct sk_filter *filter) { rcu_assign_pointer(sk->sk_filter, filter); }
void rmptcp_tcp_update_max_rcv_wnd(struct sock *sk) { tcp_update_max_rcv_wnd_seq(tcp_sk(sk)); }

struct sk_buff *rmptcp_skb_dequeue(struct sk_buff_head *list) { return __skb_dequeue(list); }
struct sk_buff *rmptcp_skb_peek(const struct sk_buff_head *list) { return skb_peek(list); }
void rmptcp_skb_orphan(struct sk_buff *skb) { skb_orphan(skb); }
void rmptcp_kfree_skb(struct sk_buff *skb) { kfree_skb(skb); }
bool rmptcp_pskb_may_pull(struct sk_buff *skb, unsigned int len) { return pskb_may_pull(skb, len); }
int rmptcp_skb_transport_offset(const struct sk_buff *skb) { return skb_transport_offset(skb); }
int rmptcp_skb_network_offset(const struct sk_buff *skb) { return skb_network_offset(skb); }
struct tcphdr *rmptcp_tcp_hdr(const struct sk_buff *skb) { return tcp_hdr(skb); }
void *rmptcp_skb_ext_find(const struct sk_buff *skb, enum skb_ext_id id) { return skb_ext_find(skb, id); }
void rmptcp_skb_ext_del(struct sk_buff *skb, enum skb_ext_id id) { skb_ext_del(skb, id); }
unsigned int rmptcp_skb_headroom(const struct sk_buff *skb) { return skb_headroom(skb); }
void *rmptcp_skb_network_header(const struct sk_buff *skb) { return skb_network_header(skb); }
void rmptcp_skb_set_transport_header(struct sk_buff *skb, int offset) { skb_set_transport_header(skb, offset); }
void rmptcp_skb_reset_network_header(struct sk_buff *skb) { skb_reset_network_header(skb); }
void rmptcp_skb_set_csum_start(struct sk_buff *skb) { skb->csum_start = skb_transport_header(skb) - skb->head; skb->csum_offset = offsetof(struct tcphdr, check); }
void rmptcp_ip_send_check(struct iphdr *ip) { ip_send_check(ip); }
void *rmptcp_skb_push(struct sk_buff *skb, unsigned int len) { return __skb_push(skb, len); }
__sum16 rmptcp_tcp_v4_check(int len, __be32 saddr, __be32 daddr) { return ~tcp_v4_check(len, saddr, daddr, 0); }
__sum16 rmptcp_tcp_v6_check(int len, const struct in6_addr *saddr, const struct in6_addr *daddr) { return ~tcp_v6_check(len, saddr, daddr, 0); }

struct kmem_cache *rmptcp_kmem_cache_create(const char *name, unsigned int size) { return kmem_cache_create(name, size, 0, SLAB_ACCOUNT, NULL); }
void *rmptcp_kmem_cache_alloc(struct kmem_cache *c, gfp_t flags) { return kmem_cache_alloc(c, flags); }
void rmptcp_kmem_cache_destroy(struct kmem_cache *c) { kmem_cache_destroy(c); }
/* Counted where in-tree MPTCP's sockets are, in its row of /proc/net/protocols. */
#ifdef CONFIG_PROC_FS
void rmptcp_share_inuse(struct proto *to, const struct proto *from) { to->inuse_idx = from->inuse_idx; }
#else
void rmptcp_share_inuse(struct proto *to, const struct proto *from) { }
#endif
void rmptcp_init_buffers(struct sock *sk) { sk->sk_rcvbuf = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[1]); sk->sk_sndbuf = READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_wmem[1]); }
void rmptcp_reset_mc_list(struct sock *sk) { inet_sk(sk)->mc_list = NULL; }
void rmptcp_reset_ipv6_lists(struct ipv6_pinfo *np) { np->ipv6_mc_list = NULL; np->ipv6_ac_list = NULL; np->pktoptions = NULL; RCU_INIT_POINTER(np->opt, NULL); }
void rmptcp_copy_ipv6_addresses(struct sock *to, const struct sock *from) { inet6_sk(to)->saddr = inet6_sk(from)->saddr; inet6_sk(to)->flow_label = inet6_sk(from)->flow_label; }
void rmptcp_clear_peer(struct sock *sk) { inet_sk(sk)->inet_dport = 0; inet_sk(sk)->inet_daddr = 0; sk->sk_v6_daddr = in6addr_any; }
void rmptcp_copy_addresses(struct sock *to, const struct sock *from)
{
	to->sk_v6_daddr = from->sk_v6_daddr;
	to->sk_v6_rcv_saddr = from->sk_v6_rcv_saddr;
	inet_sk(to)->inet_num = inet_sk(from)->inet_num;
	inet_sk(to)->inet_dport = inet_sk(from)->inet_dport;
	inet_sk(to)->inet_sport = inet_sk(from)->inet_sport;
	inet_sk(to)->inet_daddr = inet_sk(from)->inet_daddr;
	inet_sk(to)->inet_saddr = inet_sk(from)->inet_saddr;
	inet_sk(to)->inet_rcv_saddr = inet_sk(from)->inet_rcv_saddr;
}

sockptr_t rmptcp_kernel_sockptr(void *p) { return KERNEL_SOCKPTR(p); }
sockptr_t rmptcp_user_sockptr(void *p) { return USER_SOCKPTR((void __user *)p); }
bool rmptcp_inet_flag(const struct sock *sk, unsigned int bit) { return test_bit(bit, &inet_sk(sk)->inet_flags); }
void rmptcp_inet_assign_flag(struct sock *sk, unsigned int bit, bool value) { assign_bit(bit, &inet_sk(sk)->inet_flags, value); }
void rmptcp_sk_dst_reset(struct sock *sk) { sk_dst_reset(sk); }
u32 rmptcp_tos2priority(u8 tos) { return rt_tos2priority(tos); }
int rmptcp_keepalive_time(const struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_keepalive_time) / HZ; }
int rmptcp_keepalive_intvl(const struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_keepalive_intvl) / HZ; }
int rmptcp_keepalive_probes(const struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_keepalive_probes); }
void rmptcp_v4_ends(const struct sock *sk, struct sockaddr_in *local, struct sockaddr_in *remote)
{
	local->sin_family = AF_INET;
	local->sin_port = inet_sk(sk)->inet_sport;
	local->sin_addr.s_addr = inet_sk(sk)->inet_rcv_saddr ?: inet_sk(sk)->inet_saddr;
	remote->sin_family = AF_INET;
	remote->sin_port = inet_sk(sk)->inet_dport;
	remote->sin_addr.s_addr = inet_sk(sk)->inet_daddr;
}
void rmptcp_v6_ends(const struct sock *sk, struct sockaddr_in6 *local, struct sockaddr_in6 *remote)
{
	local->sin6_family = AF_INET6;
	local->sin6_port = inet_sk(sk)->inet_sport;
	local->sin6_addr = ipv6_addr_any(&sk->sk_v6_rcv_saddr) ? inet6_sk(sk)->saddr : sk->sk_v6_rcv_saddr;
	remote->sin6_family = AF_INET6;
	remote->sin6_port = inet_sk(sk)->inet_dport;
	remote->sin6_addr = sk->sk_v6_daddr;
}

bool rmptcp_queue_work(struct workqueue_struct *wq, struct work_struct *w) { return queue_work(wq, w); }
bool rmptcp_mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *w, unsigned long delay) { return mod_delayed_work(wq, w, delay); }
void rmptcp_set_custom_sockopt(struct socket *sock) { set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags); }
void rmptcp_copy_owner(struct sock *to, const struct sock *from) { to->sk_uid = from->sk_uid; to->sk_ino = from->sk_ino; }
#ifdef CONFIG_SOCK_CGROUP_DATA
void rmptcp_cgroup_hold(struct cgroup *cgrp) { cgroup_get(cgrp); cgroup_bpf_get(cgrp); }
void rmptcp_cgroup_drop(struct cgroup *cgrp) { cgroup_bpf_put(cgrp); cgroup_put(cgrp); }
#endif
#ifdef CONFIG_MEMCG
void rmptcp_memcg_pays_for(struct sock *sk) { if (mem_cgroup_sockets_enabled) kmem_cache_charge(sk, GFP_KERNEL | __GFP_NOFAIL); }
void rmptcp_memcg_hold(struct mem_cgroup *memcg) { css_get(&memcg->css); }
void rmptcp_memcg_drop(struct mem_cgroup *memcg) { css_put(&memcg->css); }
#endif
void rmptcp_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len) { sha256_update(ctx, data, len); }
u64 rmptcp_siphash(const u8 *secret, const u8 *data, size_t len) { siphash_key_t key; memcpy(&key, secret, sizeof(key)); return siphash(data, len, &key); }
wait_queue_head_t *rmptcp_sk_sleep(struct sock *sk) { return sk_sleep(sk); }
void *rmptcp_current(void) { return current; }
int rmptcp_rmem_max(struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_rmem[2]); }
int rmptcp_wmem_min(struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_wmem[0]); }
int rmptcp_wmem_max(struct sock *sk) { return READ_ONCE(sock_net(sk)->ipv4.sysctl_tcp_wmem[2]); }
bool rmptcp_defers_connect(struct sock *sk) { return inet_test_bit(DEFER_CONNECT, sk); }
void rmptcp_set_defer_connect(struct sock *sk, bool on) { inet_assign_bit(DEFER_CONNECT, sk, on); }
bool rmptcp_ack_scheduled(const struct sock *sk) { return inet_csk_ack_scheduled(sk); }
bool rmptcp_ack_pushed(const struct sock *sk) { return inet_csk(sk)->icsk_ack.pending & (inet_csk_in_pingpong_mode((struct sock *)sk) ? ICSK_ACK_PUSHED2 : ICSK_ACK_PUSHED | ICSK_ACK_PUSHED2); }
int rmptcp_pskb_trim(struct sk_buff *skb, unsigned int len) { return pskb_trim(skb, len); }
unsigned int rmptcp_cpu(void) { return raw_smp_processor_id(); }
struct sk_buff *rmptcp_tcp_write_queue_tail(const struct sock *sk) { return tcp_write_queue_tail(sk); }
bool rmptcp_tcp_skb_can_collapse_to(struct sk_buff *skb) { return tcp_skb_can_collapse_to(skb) && !skb_zcopy(skb) && skb_frags_readable(skb); }
u32 rmptcp_tcp_size_goal(const struct sock *sk) { return max_t(u32, tcp_sk(sk)->gso_segs, 1) * tcp_sk(sk)->mss_cache; }
bool rmptcp_may_add_frag(const struct sk_buff *skb) { return skb_shinfo(skb)->nr_frags < READ_ONCE(net_hotdata.sysctl_max_skb_frags); }
/* Whether the byte at `offset` of the folio that `page` heads follows the last fragment's last one. */
bool rmptcp_frag_continues(const struct sk_buff *skb, struct page *page, u32 offset) { const skb_frag_t *f = skb_shinfo(skb)->frags; unsigned int n = skb_shinfo(skb)->nr_frags; return n && page_folio(skb_frag_page(f + n - 1)) == page_folio(page) && page_to_phys(skb_frag_page(f + n - 1)) + skb_frag_off(f + n - 1) + skb_frag_size(f + n - 1) == page_to_phys(page) + offset; }
void rmptcp_grow_last_frag(struct sk_buff *skb, u32 len) { skb_frag_size_add(&skb_shinfo(skb)->frags[skb_shinfo(skb)->nr_frags - 1], len); }
void rmptcp_add_frag(struct sk_buff *skb, struct page *page, u32 offset, u32 len) { skb_fill_page_desc(skb, skb_shinfo(skb)->nr_frags, page, offset, len); }
void rmptcp_skb_len_add(struct sk_buff *skb, int len) { skb_len_add(skb, len); }
void rmptcp_tcp_queued(struct sock *sk, struct sk_buff *skb, u32 len) { WRITE_ONCE(tcp_sk(sk)->write_seq, tcp_sk(sk)->write_seq + len); TCP_SKB_CB(skb)->end_seq += len; tcp_skb_pcount_set(skb, 0); }
void rmptcp_get_page(struct page *page) { get_page(page); }
void rmptcp_put_page(struct page *page) { put_page(page); }
u32 rmptcp_page_size(struct page *page) { return page_size(page); }
int rmptcp_page_ref_count(const struct page *page) { return page_ref_count(page); }
bool rmptcp_page_is_pfmemalloc(const struct page *page) { return page_is_pfmemalloc(page); }
size_t rmptcp_copy_folio_from_iter(struct page *page, size_t offset, size_t bytes, struct iov_iter *i) { return copy_from_iter(page_address(page) + offset, bytes, i); }
void rmptcp_iov_iter_bvec(struct iov_iter *i, const struct bio_vec *bv, unsigned long n, size_t count) { iov_iter_bvec(i, ITER_SOURCE, bv, n, count); }
size_t rmptcp_msg_data_left(const struct msghdr *msg) { return msg_data_left(msg); }
bool rmptcp_signal_pending(void) { return signal_pending(current); }
void rmptcp_spin_lock_bh(spinlock_t *lock) { spin_lock_bh(lock); }
void rmptcp_spin_unlock_bh(spinlock_t *lock) { spin_unlock_bh(lock); }
void rmptcp_init_delayed_work(struct delayed_work *w, work_func_t f) { INIT_DELAYED_WORK(w, f); }
void rmptcp_init_work(struct work_struct *w, work_func_t f) { INIT_WORK(w, f); }
struct delayed_work *rmptcp_to_delayed_work(struct work_struct *w) { return to_delayed_work(w); }
void *rmptcp_net_generic(const struct net *net, unsigned int id) { return net_generic(net, id); }
void rmptcp_module_get(struct module *m) { __module_get(m); }
int rmptcp_copy_from_sockptr(void *dst, sockptr_t src, size_t size) { return copy_from_sockptr(dst, src, size); }
unsigned long rmptcp_copy_to_user(void __user *to, const void *from, unsigned long n) { return copy_to_user(to, from, n); }
unsigned long rmptcp_copy_from_user(void *to, const void __user *from, unsigned long n) { return copy_from_user(to, from, n); }
u64 rmptcp_jiffies_ms(void) { return jiffies64_to_msecs(get_jiffies_64()); }
u64 rmptcp_mono_ns(void) { return ktime_get_mono_fast_ns(); }
struct workqueue_struct *rmptcp_alloc_workqueue(void) { return alloc_workqueue("rust_mptcp", WQ_UNBOUND | WQ_MEM_RECLAIM, 0); }

/* The list of counters is checked where the kernel's own is at hand: a build against its full source. */
#if __has_include(<../net/mptcp/mib.h>)
#include <../net/mptcp/mib.h>
static_assert(LINUX_MIB_MPTCP_MAX == RMPTCP_MIB_PLACES + 1);
#endif
/* A per-CPU pointer goes through Rust as a number: in C it lives in an address space of its own. */
unsigned long rmptcp_mib(struct net *net) { return (unsigned long)READ_ONCE(net->mib.mptcp_statistics); }
unsigned long rmptcp_mib_alloc(void) { return (unsigned long)__alloc_percpu((RMPTCP_MIB_PLACES + 1) * sizeof(unsigned long), sizeof(unsigned long)); }
unsigned long rmptcp_mib_install(struct net *net, unsigned long mib) { return (unsigned long)cmpxchg(&net->mib.mptcp_statistics, NULL, (struct mptcp_mib __percpu *)mib); }
void rmptcp_mib_free(unsigned long mib) { free_percpu((void __percpu *)mib); }
void rmptcp_mib_add(unsigned long mib, unsigned int place, int n) { this_cpu_add(((unsigned long __percpu *)mib)[place], n); }
struct rb_node *rmptcp_rb_first(const struct rb_root *root) { return rb_first(root); }
u32 rmptcp_tcp_rto_min_us(const struct net *net) { return READ_ONCE(net->ipv4.sysctl_tcp_rto_min_us); }
u32 rmptcp_tcp_rto_max_ms(const struct net *net) { return READ_ONCE(net->ipv4.sysctl_tcp_rto_max_ms); }
bool rmptcp_routes_over_loopback(struct sock *sk) { struct dst_entry *dst = rcu_dereference_check(sk->sk_dst_cache, 1); return dst && (dst_dev(dst)->flags & IFF_LOOPBACK); }
#ifdef CONFIG_TCP_MD5SIG
bool rmptcp_has_md5(struct sock *sk) { return rcu_access_pointer(tcp_sk(sk)->md5sig_info); }
#else
bool rmptcp_has_md5(struct sock *sk) { return false; }
#endif

struct sk_buff *rmptcp_diag_reply(void) { return nlmsg_new(nla_total_size(sizeof(struct inet_diag_msg)) + inet_diag_msg_attrs_size() + nla_total_size_64bit(sizeof(struct mptcp_info)) + nla_total_size(sizeof(struct inet_diag_meminfo)) + nla_total_size(SK_MEMINFO_VARS * sizeof(u32)) + 64, GFP_KERNEL); }
int rmptcp_diag_unicast(struct sk_buff *request, struct sk_buff *reply) { return nlmsg_unicast(sock_net(request->sk)->diag_nlsk, reply, NETLINK_CB(request).portid); }
__be16 rmptcp_sport(const struct sock *sk) { return READ_ONCE(inet_sk(sk)->inet_sport); }
__be16 rmptcp_dport(const struct sock *sk) { return READ_ONCE(inet_sk(sk)->inet_dport); }
struct net *rmptcp_skb_net(const struct sk_buff *skb) { return sock_net(skb->sk); }
int rmptcp_wmem_get(const struct sock *sk) { return sk_wmem_alloc_get(sk); }
void rmptcp_cond_resched(void) { cond_resched(); }
struct nlattr *rmptcp_nest_start(struct sk_buff *skb, int type) { return nla_nest_start_noflag(skb, type); }
void rmptcp_nest_end(struct sk_buff *skb, struct nlattr *nest) { nla_nest_end(skb, nest); }
void rmptcp_nest_cancel(struct sk_buff *skb, struct nlattr *nest) { nla_nest_cancel(skb, nest); }
size_t rmptcp_nla_total_size(int payload) { return nla_total_size(payload); }
size_t rmptcp_nla_total_size_64bit(int payload) { return nla_total_size_64bit(payload); }
int rmptcp_nla_put_u64(struct sk_buff *skb, int type, u64 value, int pad) { return nla_put_u64_64bit(skb, type, value, pad); }
u32 rmptcp_ack_backlog(const struct sock *sk) { return READ_ONCE(sk->sk_ack_backlog); }
u32 rmptcp_max_ack_backlog(const struct sock *sk) { return READ_ONCE(sk->sk_max_ack_backlog); }
/* A RST of TCP's own making: what it calls an ACK, with one more flag. The function for it is not exported. */
void rmptcp_tcp_send_rst(struct sock *sk) { TCP_INC_STATS(sock_net(sk), TCP_MIB_OUTRSTS); __tcp_send_ack(sk, tcp_sk(sk)->rcv_nxt, TCPHDR_RST); }
void rmptcp_tcp_delay_ack(struct sock *sk) { inet_csk_schedule_ack(sk); inet_csk_enter_pingpong_mode(sk); inet_csk_reset_xmit_timer(sk, ICSK_TIME_DACK, TCP_DELACK_MIN, TCP_DELACK_MAX); }
void rmptcp_tcp_saved_syn_free(struct tcp_sock *tp) { tcp_saved_syn_free(tp); }
void rmptcp_tcp_set_repair(struct sock *sk, bool on) { tcp_sk(sk)->repair = on; }

#if defined(CONFIG_DYNAMIC_FTRACE) && (defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) || defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS))
int rmptcp_ftrace_set_filter(struct ftrace_ops *ops, const char *name) { return ftrace_set_filter(ops, (unsigned char *)name, strlen(name), 0); }
int rmptcp_ftrace_set_filter_ip(struct ftrace_ops *ops, unsigned long ip) { return ftrace_set_filter_ip(ops, ip, 0, 0); }
int rmptcp_register_ftrace(struct ftrace_ops *ops) { return register_ftrace_function(ops); }
int rmptcp_unregister_ftrace(struct ftrace_ops *ops) { return unregister_ftrace_function(ops); }
void rmptcp_ftrace_free_filter(struct ftrace_ops *ops) { ftrace_free_filter(ops); }
void rmptcp_ftrace_set_ip(struct ftrace_regs *regs, unsigned long ip) { ftrace_regs_set_instruction_pointer(regs, ip); }
#else
int rmptcp_ftrace_set_filter(struct ftrace_ops *ops, const char *name) { return -EOPNOTSUPP; }
int rmptcp_ftrace_set_filter_ip(struct ftrace_ops *ops, unsigned long ip) { return -EOPNOTSUPP; }
int rmptcp_register_ftrace(struct ftrace_ops *ops) { return -EOPNOTSUPP; }
int rmptcp_unregister_ftrace(struct ftrace_ops *ops) { return 0; }
void rmptcp_ftrace_free_filter(struct ftrace_ops *ops) { }
void rmptcp_ftrace_set_ip(struct ftrace_regs *regs, unsigned long ip) { }
#endif
struct net *rmptcp_genl_info_net(const struct genl_info *info) { return genl_info_net(info); }
const struct genl_info *rmptcp_genl_info_dump(struct netlink_callback *cb) { return genl_info_dump(cb); }
struct sk_buff *rmptcp_nlmsg_new(gfp_t flags) { return nlmsg_new(NLMSG_DEFAULT_SIZE, flags); }
struct nlattr *rmptcp_nla_nest_start(struct sk_buff *skb, int type) { return nla_nest_start(skb, type); }
void rmptcp_genlmsg_end(struct sk_buff *skb, void *hdr) { genlmsg_end(skb, hdr); }
void rmptcp_genlmsg_cancel(struct sk_buff *skb, void *hdr) { genlmsg_cancel(skb, hdr); }
int rmptcp_genlmsg_reply(struct sk_buff *skb, struct genl_info *info) { return genlmsg_reply(skb, info); }
/* The events are the second group of the family. */
bool rmptcp_genl_has_listeners(const struct genl_family *family, struct net *net) { return genl_has_listeners(family, net, 1); }
void rmptcp_genlmsg_multicast(const struct genl_family *family, struct net *net, struct sk_buff *skb, gfp_t flags) { genlmsg_multicast_netns(family, net, skb, 0, 1, flags); }
