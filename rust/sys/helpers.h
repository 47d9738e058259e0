/* SPDX-License-Identifier: GPL-2.0 */
/* One-line wrappers of inline functions and macros; see helpers.c. */
#ifndef RUST_MPTCP_HELPERS_H
#define RUST_MPTCP_HELPERS_H

#include <crypto/sha2.h>
#include <linux/bpf-cgroup.h>
#include <linux/ftrace.h>
#include <linux/netdevice.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/inet_common.h>
#include <net/netns/generic.h>
#include <net/tcp.h>

/* sock.h */
void rmptcp_sock_hold(struct sock *sk);
void rmptcp_sock_put(struct sock *sk);
void rmptcp_lock_sock(struct sock *sk);
void rmptcp_own_lock_class(struct sock *sk);
void rmptcp_lock_sock_nested(struct sock *sk);
bool rmptcp_lock_sock_fast_nested(struct sock *sk);
bool rmptcp_sock_owned(const struct sock *sk);
void rmptcp_unlock_sock_fast(struct sock *sk, bool slow);
bool rmptcp_bh_try_lock_sock(struct sock *sk);
void rmptcp_bh_unlock_sock(struct sock *sk);
void rmptcp_bh_give_back_sock(struct sock *sk);
bool rmptcp_sk_wmem_schedule(struct sock *sk, int size);
bool rmptcp_sk_rmem_schedule(struct sock *sk, int size);
void rmptcp_sk_mem_charge(struct sock *sk, int size);
void rmptcp_sk_mem_uncharge(struct sock *sk, int size);
void rmptcp_sk_mem_reclaim(struct sock *sk);
void rmptcp_sk_wmem_queued_add(struct sock *sk, int val);
void rmptcp_rmem_add(struct sock *sk, int val);
int rmptcp_rmem_get(const struct sock *sk);
bool rmptcp_sk_stream_memory_free(struct sock *sk);
bool rmptcp_sk_stream_is_writeable(struct sock *sk);
bool rmptcp_sock_flag(const struct sock *sk, enum sock_flags flag);
void rmptcp_sock_set_flag(struct sock *sk, enum sock_flags flag);
void rmptcp_sock_reset_flag(struct sock *sk, enum sock_flags flag);
long rmptcp_sock_rcvtimeo(const struct sock *sk, bool noblock);
long rmptcp_sock_sndtimeo(const struct sock *sk, bool noblock);
int rmptcp_sock_rcvlowat(const struct sock *sk, int waitall, int len);
int rmptcp_sock_intr_errno(long timeo);
void rmptcp_graft_shared(struct sock *sk, struct socket *parent);
void rmptcp_graft_nobody(struct sock *sk, struct socket *nobody);
void rmptcp_sock_graft(struct sock *sk, struct socket *parent);
void rmptcp_sock_orphan(struct sock *sk);
bool rmptcp_syn_gets_cookie(const struct sock *sk);
bool rmptcp_netdev_works(const struct net_device *dev);
struct net *rmptcp_dev_net(const struct net_device *dev);
int rmptcp_route_device(struct sock *sk);
bool rmptcp_connect6_may_be_rewritten(void);
struct net *rmptcp_sock_net(const struct sock *sk);
struct page_frag *rmptcp_sk_page_frag(struct sock *sk);
void rmptcp_set_nospace(struct socket *sock);
bool rmptcp_is_nospace(const struct socket *sock);
void rmptcp_sk_set_bit_async_nospace(struct sock *sk);
void rmptcp_sock_poll_wait(struct file *file, struct socket *sock, struct poll_table_struct *p);
void rmptcp_sk_sockets_allocated_inc(struct sock *sk);
void rmptcp_sk_sockets_allocated_dec(struct sock *sk);
void rmptcp_sock_prot_inuse_add(struct sock *sk, int inc);
void rmptcp_sk_state_change(struct sock *sk);
void rmptcp_sk_data_ready(struct sock *sk);
void rmptcp_sk_write_space(struct sock *sk);

/* tcp.h */
struct tcp_skb_cb *rmptcp_tcp_skb_cb(struct sk_buff *skb);
struct sk_buff *rmptcp_tcp_send_head(const struct sock *sk);
u32 rmptcp_tcp_win_from_space(const struct sock *sk, u32 space);
u32 rmptcp_tcp_space_from_win(const struct sock *sk, u32 win);
bool rmptcp_tcp_under_memory_pressure(const struct sock *sk);
bool rmptcp_tcp_checksum_complete(struct sk_buff *skb);
void rmptcp_filter_hold(struct sk_filter *filter);
void rmptcp_set_filter(struct sock *sk, struct sk_filter *filter);
void rmptcp_tcp_update_max_rcv_wnd(struct sock *sk);

/* skbuff.h */
struct sk_buff *rmptcp_skb_dequeue(struct sk_buff_head *list);
struct sk_buff *rmptcp_skb_peek(const struct sk_buff_head *list);
void rmptcp_skb_orphan(struct sk_buff *skb);
void rmptcp_kfree_skb(struct sk_buff *skb);
bool rmptcp_pskb_may_pull(struct sk_buff *skb, unsigned int len);
int rmptcp_skb_transport_offset(const struct sk_buff *skb);
int rmptcp_skb_network_offset(const struct sk_buff *skb);
struct tcphdr *rmptcp_tcp_hdr(const struct sk_buff *skb);
void *rmptcp_skb_ext_find(const struct sk_buff *skb, enum skb_ext_id id);
void rmptcp_skb_ext_del(struct sk_buff *skb, enum skb_ext_id id);
unsigned int rmptcp_skb_headroom(const struct sk_buff *skb);
void *rmptcp_skb_network_header(const struct sk_buff *skb);
void rmptcp_skb_set_transport_header(struct sk_buff *skb, int offset);
void rmptcp_skb_reset_network_header(struct sk_buff *skb);
void rmptcp_skb_set_csum_start(struct sk_buff *skb);
void rmptcp_ip_send_check(struct iphdr *ip);
void *rmptcp_skb_push(struct sk_buff *skb, unsigned int len);
__sum16 rmptcp_tcp_v4_check(int len, __be32 saddr, __be32 daddr);
__sum16 rmptcp_tcp_v6_check(int len, const struct in6_addr *saddr, const struct in6_addr *daddr);


/* our sockets */
struct kmem_cache *rmptcp_kmem_cache_create(const char *name, unsigned int size);
void *rmptcp_kmem_cache_alloc(struct kmem_cache *c, gfp_t flags);
void rmptcp_kmem_cache_destroy(struct kmem_cache *c);
void rmptcp_share_inuse(struct proto *to, const struct proto *from);
void rmptcp_init_buffers(struct sock *sk);
void rmptcp_reset_mc_list(struct sock *sk);
void rmptcp_reset_ipv6_lists(struct ipv6_pinfo *np);
void rmptcp_copy_addresses(struct sock *to, const struct sock *from);
void rmptcp_copy_ipv6_addresses(struct sock *to, const struct sock *from);
void rmptcp_clear_peer(struct sock *sk);

void rmptcp_sha256_update(struct sha256_ctx *ctx, const u8 *data, size_t len);
u64 rmptcp_siphash(const u8 *secret, const u8 *data, size_t len);
wait_queue_head_t *rmptcp_sk_sleep(struct sock *sk);
void *rmptcp_current(void);

int rmptcp_rmem_max(struct sock *sk);
int rmptcp_wmem_min(struct sock *sk);
int rmptcp_wmem_max(struct sock *sk);
bool rmptcp_defers_connect(struct sock *sk);
void rmptcp_set_defer_connect(struct sock *sk, bool on);
bool rmptcp_ack_scheduled(const struct sock *sk);
bool rmptcp_ack_pushed(const struct sock *sk);
int rmptcp_pskb_trim(struct sk_buff *skb, unsigned int len);
unsigned int rmptcp_cpu(void);

/* socket options */
sockptr_t rmptcp_kernel_sockptr(void *p);
sockptr_t rmptcp_user_sockptr(void *p);
bool rmptcp_inet_flag(const struct sock *sk, unsigned int bit);
void rmptcp_inet_assign_flag(struct sock *sk, unsigned int bit, bool value);
void rmptcp_sk_dst_reset(struct sock *sk);
u32 rmptcp_tos2priority(u8 tos);
int rmptcp_keepalive_time(const struct sock *sk);
int rmptcp_keepalive_intvl(const struct sock *sk);
int rmptcp_keepalive_probes(const struct sock *sk);
void rmptcp_v4_ends(const struct sock *sk, struct sockaddr_in *local, struct sockaddr_in *remote);
void rmptcp_v6_ends(const struct sock *sk, struct sockaddr_in6 *local, struct sockaddr_in6 *remote);

/* the rest */
bool rmptcp_queue_work(struct workqueue_struct *wq, struct work_struct *w);
bool rmptcp_mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *w, unsigned long delay);
void rmptcp_set_custom_sockopt(struct socket *sock);
void rmptcp_copy_owner(struct sock *to, const struct sock *from);
#ifdef CONFIG_SOCK_CGROUP_DATA
void rmptcp_cgroup_hold(struct cgroup *cgrp);
void rmptcp_cgroup_drop(struct cgroup *cgrp);
#endif
#ifdef CONFIG_MEMCG
void rmptcp_memcg_pays_for(struct sock *sk);
void rmptcp_memcg_hold(struct mem_cgroup *memcg);
void rmptcp_memcg_drop(struct mem_cgroup *memcg);
#endif
struct sk_buff *rmptcp_tcp_write_queue_tail(const struct sock *sk);
bool rmptcp_tcp_skb_can_collapse_to(struct sk_buff *skb);
u32 rmptcp_tcp_size_goal(const struct sock *sk);
bool rmptcp_may_add_frag(const struct sk_buff *skb);
bool rmptcp_frag_continues(const struct sk_buff *skb, struct page *page, u32 offset);
void rmptcp_grow_last_frag(struct sk_buff *skb, u32 len);
void rmptcp_add_frag(struct sk_buff *skb, struct page *page, u32 offset, u32 len);
void rmptcp_skb_len_add(struct sk_buff *skb, int len);
void rmptcp_tcp_queued(struct sock *sk, struct sk_buff *skb, u32 len);
void rmptcp_get_page(struct page *page);
void rmptcp_put_page(struct page *page);
u32 rmptcp_page_size(struct page *page);
int rmptcp_page_ref_count(const struct page *page);
bool rmptcp_page_is_pfmemalloc(const struct page *page);
size_t rmptcp_copy_folio_from_iter(struct page *page, size_t offset, size_t bytes, struct iov_iter *i);
void rmptcp_iov_iter_bvec(struct iov_iter *i, const struct bio_vec *bv, unsigned long n, size_t count);
size_t rmptcp_msg_data_left(const struct msghdr *msg);
bool rmptcp_signal_pending(void);
void rmptcp_spin_lock_bh(spinlock_t *lock);
void rmptcp_spin_unlock_bh(spinlock_t *lock);
void rmptcp_init_delayed_work(struct delayed_work *w, work_func_t f);
void rmptcp_init_work(struct work_struct *w, work_func_t f);
struct delayed_work *rmptcp_to_delayed_work(struct work_struct *w);
void *rmptcp_net_generic(const struct net *net, unsigned int id);
void rmptcp_module_get(struct module *m);
int rmptcp_copy_from_sockptr(void *dst, sockptr_t src, size_t size);
unsigned long rmptcp_copy_to_user(void __user *to, const void *from, unsigned long n);
unsigned long rmptcp_copy_from_user(void *to, const void __user *from, unsigned long n);
u64 rmptcp_jiffies_ms(void);
u64 rmptcp_mono_ns(void);
struct workqueue_struct *rmptcp_alloc_workqueue(void);

/* netns: counters, knobs, routes */
#define RMPTCP_MIB_PLACES 86
unsigned long rmptcp_mib(struct net *net);
unsigned long rmptcp_mib_alloc(void);
unsigned long rmptcp_mib_install(struct net *net, unsigned long mib);
void rmptcp_mib_free(unsigned long mib);
void rmptcp_mib_add(unsigned long mib, unsigned int place, int n);
struct rb_node *rmptcp_rb_first(const struct rb_root *root);
u32 rmptcp_tcp_rto_min_us(const struct net *net);
u32 rmptcp_tcp_rto_max_ms(const struct net *net);
bool rmptcp_routes_over_loopback(struct sock *sk);
bool rmptcp_has_md5(struct sock *sk);

/* inet_diag.h, netlink.h */
struct sk_buff *rmptcp_diag_reply(void);
int rmptcp_diag_unicast(struct sk_buff *request, struct sk_buff *reply);
__be16 rmptcp_sport(const struct sock *sk);
__be16 rmptcp_dport(const struct sock *sk);
struct net *rmptcp_skb_net(const struct sk_buff *skb);
int rmptcp_wmem_get(const struct sock *sk);
void rmptcp_cond_resched(void);
struct nlattr *rmptcp_nest_start(struct sk_buff *skb, int type);
void rmptcp_nest_end(struct sk_buff *skb, struct nlattr *nest);
void rmptcp_nest_cancel(struct sk_buff *skb, struct nlattr *nest);
size_t rmptcp_nla_total_size(int payload);
size_t rmptcp_nla_total_size_64bit(int payload);
int rmptcp_nla_put_u64(struct sk_buff *skb, int type, u64 value, int pad);
u32 rmptcp_ack_backlog(const struct sock *sk);
u32 rmptcp_max_ack_backlog(const struct sock *sk);
void rmptcp_tcp_send_rst(struct sock *sk);
void rmptcp_tcp_delay_ack(struct sock *sk);
void rmptcp_tcp_saved_syn_free(struct tcp_sock *tp);
void rmptcp_tcp_set_repair(struct sock *sk, bool on);

/* ftrace.h, genetlink.h */
int rmptcp_ftrace_set_filter(struct ftrace_ops *ops, const char *name);
int rmptcp_ftrace_set_filter_ip(struct ftrace_ops *ops, unsigned long ip);
int rmptcp_register_ftrace(struct ftrace_ops *ops);
int rmptcp_unregister_ftrace(struct ftrace_ops *ops);
void rmptcp_ftrace_free_filter(struct ftrace_ops *ops);
void rmptcp_ftrace_set_ip(struct ftrace_regs *regs, unsigned long ip);
struct net *rmptcp_genl_info_net(const struct genl_info *info);
const struct genl_info *rmptcp_genl_info_dump(struct netlink_callback *cb);
struct sk_buff *rmptcp_nlmsg_new(gfp_t flags);
struct nlattr *rmptcp_nla_nest_start(struct sk_buff *skb, int type);
void rmptcp_genlmsg_end(struct sk_buff *skb, void *hdr);
void rmptcp_genlmsg_cancel(struct sk_buff *skb, void *hdr);
int rmptcp_genlmsg_reply(struct sk_buff *skb, struct genl_info *info);
bool rmptcp_genl_has_listeners(const struct genl_family *family, struct net *net);
void rmptcp_genlmsg_multicast(const struct genl_family *family, struct net *net, struct sk_buff *skb, gfp_t flags);

#endif
