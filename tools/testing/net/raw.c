// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input: speaks just enough TCP and MPTCP from a packet socket to send what no stack
 * would, and holds an ordinary socket of the other side in the same process.
 *
 *	raw VICTIM-NAMESPACE RAW-NAMESPACE INTERFACE VICTIM-MAC [NAME]
 *
 * The victim is 10.2.2.2; we are 10.2.2.1, an address that our own kernel does not have.
 * Prints `ok NAME` or `no NAME: why` per case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { MPTCP_PORT = 20001, TCP_PORT = 20002 };

static int victim_namespace, packets, listener, plain_listener;
static struct sockaddr_ll link_to;
static jmp_buf failed;
static char why[300];

#define no(...) do { \
	int n_ = snprintf(why, sizeof(why), "line %d: ", __LINE__); \
	snprintf(why + n_, sizeof(why) - (size_t)n_, __VA_ARGS__); \
	longjmp(failed, 1); \
} while (0)
#define holds(condition) do { \
	if (!(condition)) \
		no("not %s", #condition); \
} while (0)

/* --- SHA-256 of a key, for the first data sequence number --- */

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint64_t first_dsn(uint64_t key)
{
	static const uint32_t k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
		0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
		0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
		0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
		0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
		0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
		0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2 };
	uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
			  0x5be0cd19 };
	uint32_t w[64] = { (uint32_t)(key >> 32), (uint32_t)key, 0x80000000 }, s[8];

	w[15] = 64;
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t a = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		uint32_t b = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += a;
		s[0] = a + b;
	}
	return (uint64_t)(h[6] + s[6]) << 32 | (h[7] + s[7]);
}

/* --- options --- */

struct options {
	uint8_t at[40];
	unsigned int length;
};

static void put(struct options *o, uint64_t value, int octets)
{
	while (octets-- > 0 && o->length < 40)
		o->at[o->length++] = (uint8_t)(value >> octets * 8);
}

/* Kind 30 with this length octet, subtype and flags; the rest of the option follows. */
static void begin(struct options *o, unsigned int length, unsigned int subtype, unsigned int flags)
{
	put(o, 30, 1);
	put(o, length, 1);
	put(o, subtype << 4 | flags >> 8, 1);
	put(o, flags & 255, 1);
}

static uint64_t get(const uint8_t *at, int octets)
{
	uint64_t value = 0;

	while (octets-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* --- the connection --- */

static struct {
	uint16_t port, peer_port;
	uint32_t seq, ack, first_seq;
	uint64_t key, peer_key, dsn, peer_dsn;
} c;

/* The last segment from the victim. */
static struct segment {
	uint8_t flags, options[40], octets[2000];
	unsigned int options_length, length;
	uint32_t seq, ack;
} got;

static uint16_t next_port = 40000;

static uint32_t sum(const uint8_t *at, unsigned int length, uint32_t start)
{
	for (unsigned int i = 0; i < length; i++)
		start += (uint32_t)at[i] << (i & 1 ? 0 : 8);
	return start;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return (uint16_t)~value;
}

static void big(uint8_t *at, uint32_t value, int octets)
{
	while (octets-- > 0)
		*at++ = (uint8_t)(value >> octets * 8);
}

static void send_segment(uint8_t flags, const struct options *o, const void *data, unsigned int length)
{
	static const uint8_t addresses[8] = { 10, 2, 2, 1, 10, 2, 2, 2 };
	uint8_t ip[2000] = { 0x45 }, *tcp = ip + 20;
	unsigned int area = o ? (o->length + 3) / 4 * 4 : 0, total = 40 + area + length;

	big(ip + 2, total, 2);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, addresses, 8);
	big(ip + 10, fold(sum(ip, 20, 0)), 2);
	big(tcp, c.port, 2);
	big(tcp + 2, c.peer_port, 2);
	big(tcp + 4, c.seq, 4);
	big(tcp + 8, flags & ACK ? c.ack : 0, 4);
	tcp[12] = (uint8_t)((20 + area) / 4 << 4);
	tcp[13] = flags;
	big(tcp + 14, 60000, 2);
	if (o)
		memcpy(tcp + 20, o->at, o->length);
	if (length)
		memcpy(tcp + 20 + area, data, length);
	big(tcp + 16, fold(sum(tcp, total - 20, sum(addresses, 8, 6 + total - 20))), 2);
	if (sendto(packets, ip, total, 0, (struct sockaddr *)&link_to, sizeof(link_to)) < 0)
		no("sendto: %s", strerror(errno));
	c.seq += length + !!(flags & SYN) + !!(flags & FIN);
}

/* The next segment of this connection; false if there is none in time. */
static bool receive(int ms)
{
	uint8_t ip[4000], *tcp = ip + 20;
	struct pollfd ready = { .fd = packets, .events = POLLIN };

	while (poll(&ready, 1, ms) > 0) {
		ssize_t length = recv(packets, ip, sizeof(ip), 0);
		unsigned int header;

		if (length < 40 || ip[0] != 0x45 || ip[9] != 6 || get(tcp + 2, 2) != c.port)
			continue;
		if (c.peer_port && get(tcp, 2) != c.peer_port)
			continue;
		header = (tcp[12] >> 4) * 4u;
		got = (struct segment){ .flags = tcp[13], .options_length = header - 20,
					.seq = (uint32_t)get(tcp + 4, 4), .ack = (uint32_t)get(tcp + 8, 4) };
		c.peer_port = (uint16_t)get(tcp, 2);
		memcpy(got.options, tcp + 20, header - 20);
		got.length = (unsigned int)get(ip + 2, 2) - 20 - header;
		if (got.length <= sizeof(got.octets))
			memcpy(got.octets, tcp + header, got.length);
		c.ack = got.seq + got.length + !!(got.flags & SYN) + !!(got.flags & FIN);
		return true;
	}
	return false;
}

/* The MPTCP option of this subtype in the last segment. */
static const uint8_t *option(unsigned int subtype)
{
	for (unsigned int at = 0; at + 1 < got.options_length; at += got.options[at] < 2 ? 1 : got.options[at + 1]) {
		if (got.options[at] == 30 && got.options[at + 2] >> 4 == (int)subtype)
			return got.options + at;
		if (got.options[at] > 1 && got.options[at + 1] < 2)
			break;
	}
	return NULL;
}

/* Waits for a segment with these flags; false after a second without. */
static bool await(uint8_t flags)
{
	while (receive(1000))
		if ((got.flags & flags) == flags)
			return true;
	return false;
}

static void new_connection(uint16_t to)
{
	c.port = next_port++;
	c.peer_port = to;
	c.seq = c.first_seq = 1000;
	c.ack = 0;
	c.key = 0x1122334455667788 + c.port;
	c.dsn = first_dsn(c.key) + 1;
	memset(&got, 0, sizeof(got));
}

/* --- what we send --- */

static void say_syn(unsigned int length, unsigned int flags)
{
	struct options o = {};

	begin(&o, length, 0, flags);
	while (o.length < length)
		put(&o, 0, 1);
	send_segment(SYN, &o, NULL, 0);
}

static void ack_with_keys(uint64_t key, uint64_t peer_key)
{
	struct options o = {};

	begin(&o, 20, 0, 0x101);
	put(&o, key, 8);
	put(&o, peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
}

/* Data with a mapping of `mapped` octets at `dsn`, subflow offset `ssn`. */
static void say_mapped(const char *text, uint64_t dsn, uint32_t ssn, unsigned int mapped)
{
	struct options o = {};

	begin(&o, 26, 2, 1 | 4 | 8);
	put(&o, c.peer_dsn, 4);
	put(&o, dsn, 8);
	put(&o, ssn, 4);
	put(&o, mapped, 2);
	o.at[1] = (uint8_t)(o.length);
	send_segment(ACK | PSH, &o, text, (unsigned int)strlen(text));
}

static void say(const char *text)
{
	say_mapped(text, c.dsn, c.seq - c.first_seq, (unsigned int)strlen(text));
	c.dsn += strlen(text);
}

static void say_with(const struct options *o, const char *text)
{
	send_segment(ACK | PSH, o, text, (unsigned int)strlen(text));
}

/* --- what the victim's program sees --- */

static int accepted(int from)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	int fd;

	if (poll(&ready, 1, 1000) <= 0)
		no("nothing to accept");
	fd = accept4(from, NULL, NULL, SOCK_NONBLOCK);
	if (fd < 0)
		no("accept: %s", strerror(errno));
	return fd;
}

/* Text within a second; -1 for an error (errno), 0 for the end or nothing (EAGAIN). */
static ssize_t hear(int fd, char *text, size_t most, int ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	errno = EAGAIN;
	if (poll(&ready, 1, ms) <= 0)
		return -1;
	return recv(fd, text, most, 0);
}

static void hears(int fd, const char *expected)
{
	char text[200] = "";
	size_t have = 0;

	while (have < strlen(expected)) {
		ssize_t n = hear(fd, text + have, sizeof(text) - 1 - have, 1000);

		if (n <= 0)
			no("expected '%s', heard '%s' and then %s", expected, text,
			   n ? strerror(errno) : "the end");
		have += (size_t)n;
	}
	if (strcmp(text, expected))
		no("expected '%s', heard '%s'", expected, text);
}

/* Nothing wrong is delivered: either exactly this or an error, the end or silence. */
static void hears_nothing_else(int fd, const char *allowed)
{
	char text[200] = "";
	ssize_t n = hear(fd, text, sizeof(text) - 1, 300);

	if (n > 0 && strncmp(text, allowed, (size_t)n))
		no("heard '%s'", text);
}

static int protocol_of(int fd)
{
	int value = 0;

	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &(socklen_t){ sizeof(value) });
	return value;
}

/* An MPTCP connection, accepted. */
static int established(void)
{
	const uint8_t *capable;
	int fd;

	new_connection(MPTCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK));
	capable = option(0);
	holds(capable && capable[1] == 12);
	c.peer_key = get(capable + 4, 8);
	c.peer_dsn = first_dsn(c.peer_key) + 1;
	ack_with_keys(c.key, c.peer_key);
	fd = accepted(listener);
	holds(protocol_of(fd) == 262);
	return fd;
}

/* The connection still works. */
static void goes_on(int fd)
{
	say("on and on");
	hears(fd, "on and on");
	close(fd);
}

/* --- cases: the SYN --- */

/* A SYN whose option is no MP_CAPABLE of ours: TCP, and data without options. */
static void becomes_tcp(void)
{
	int fd;

	if (!await(SYN | ACK))
		no("no SYN/ACK");
	holds(!option(0));
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	holds(protocol_of(fd) == IPPROTO_TCP);
	hears(fd, "plain");
	close(fd);
}

static void good_connection(void)
{
	int fd = established();

	say("one");
	say("two");
	hears(fd, "onetwo");
	holds(send(fd, "three", 5, 0) == 5);
	while (receive(1000) && !got.length)
		;
	holds(got.length == 5 && !memcmp(got.octets, "three", 5) && option(2));
	goes_on(fd);
}

#define syn_case(name, length, flags) \
	static void name(void) { new_connection(MPTCP_PORT); say_syn(length, flags); becomes_tcp(); }
syn_case(syn_truncated, 3, 0x101)
syn_case(syn_of_five, 5, 0x101)
syn_case(syn_overlong, 20, 0x101)
syn_case(syn_of_version_0, 4, 0x001)
syn_case(syn_without_algorithm, 4, 0x100)
syn_case(syn_with_extension_bit, 4, 0x141)

#define raw_syn_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		new_connection(MPTCP_PORT); \
		send_segment(SYN, &o, NULL, 0); \
		becomes_tcp(); \
	}
raw_syn_case(syn_option_of_length_0, 30, 0, 1, 1)
raw_syn_case(syn_option_of_length_1, 30, 1, 1, 1)
raw_syn_case(syn_option_of_length_2, 30, 2, 1, 1)
raw_syn_case(syn_option_beyond_the_header, 30, 40, 1, 1)
raw_syn_case(syn_with_dss, 30, 8, 0x20, 1, 0, 0, 0, 0)
raw_syn_case(syn_with_fast_close, 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8)
raw_syn_case(syn_with_unknown_subtype, 30, 4, 0xf0, 0)

/* RFC 8684 3.1: answer with a version that we do speak, or not at all. */
static void syn_of_version_2(void)
{
	new_connection(MPTCP_PORT);
	say_syn(4, 0x201);
	holds(await(SYN | ACK));
	holds(!option(0) || (option(0)[2] & 15) == 1);
}

static void syn_with_capable_twice(void)
{
	struct options o = {};

	new_connection(MPTCP_PORT);
	begin(&o, 4, 0, 0x101);
	begin(&o, 4, 0, 0x101);
	send_segment(SYN, &o, NULL, 0);
	holds(await(SYN | ACK));
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(accepted(listener), "plain");
}

static void syn_with_capable_and_join(void)
{
	struct options o = {};

	new_connection(MPTCP_PORT);
	begin(&o, 4, 0, 0x101);
	begin(&o, 12, 1, 0);
	put(&o, 0x0123456789abcdef, 8);
	send_segment(SYN, &o, NULL, 0);
	holds(receive(1000));
	holds(got.flags & RST || (got.flags & SYN && !option(1)));
}

static void join_of_unknown_token(void)
{
	struct options o = {};

	new_connection(MPTCP_PORT);
	begin(&o, 12, 1, 0);
	put(&o, 0x0123456789abcdef, 8);
	send_segment(SYN, &o, NULL, 0);
	holds(await(RST));
	holds(option(8) && (option(8)[3] & 15) == 1);
}

/* --- cases: the third ACK --- */

static void answered_syn(void)
{
	new_connection(MPTCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK) && option(0));
	c.peer_key = get(option(0) + 4, 8);
	c.peer_dsn = first_dsn(c.peer_key) + 1;
}

static void ack_without_option(void)
{
	int fd;

	answered_syn();
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	hears(fd, "plain");
	close(fd);
}

static void ack_with_truncated_keys(void)
{
	struct options o = {};
	int fd;

	answered_syn();
	begin(&o, 12, 0, 0x101);
	put(&o, c.key, 8);
	send_segment(ACK, &o, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	hears(fd, "plain");
	close(fd);
}

/* Not the key that the SYN/ACK gave: no MPTCP from it. A reset, or TCP. */
static void ack_with_garbage_key(void)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int fd;

	answered_syn();
	ack_with_keys(c.key, ~c.peer_key);
	say("mapped");
	if (poll(&ready, 1, 500) <= 0)
		return;
	fd = accepted(listener);
	hears_nothing_else(fd, "mapped");
	close(fd);
}

/* --- cases: an established connection --- */

static void data_without_mapping(void)
{
	int fd = established();

	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(fd, "plain");
	send_segment(ACK | PSH, NULL, "again", 5);
	hears(fd, "again");
	close(fd);
}

/* After this data the victim has delivered it as TCP would or reset us, never something else. */
static void falls_back_or_resets(int fd, const char *text)
{
	hears_nothing_else(fd, text);
	close(fd);
}

static void mapping_truncated(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 10, 2, 1 | 4 | 8);
	put(&o, c.dsn, 6);
	say_with(&o, "short");
	falls_back_or_resets(fd, "short");
}

static void mapping_overlong(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 30, 2, 1 | 4 | 8);
	put(&o, c.peer_dsn, 4);
	put(&o, c.dsn, 8);
	put(&o, 1, 4);
	put(&o, 4, 2);
	put(&o, 0, 8);
	say_with(&o, "long");
	falls_back_or_resets(fd, "long");
}

static void mapping_twice_with_different_numbers(void)
{
	struct options o = {};
	int fd = established();

	for (unsigned int i = 0; i < 2; i++) {
		begin(&o, 18, 2, 4 | 8);
		put(&o, c.dsn + i * 100, 8);
		put(&o, 1, 4);
		put(&o, 5, 2);
	}
	say_with(&o, "twice");
	falls_back_or_resets(fd, "twice");
}

static void mapping_far_outside_the_window(void)
{
	char text[20];
	int fd = established();

	say_mapped("far away", c.dsn + (1ull << 40), c.seq - c.first_seq, 8);
	holds(hear(fd, text, sizeof(text), 300) <= 0);
	close(fd);
}

static void mapping_of_other_octets(void)
{
	int fd = established();

	say_mapped("elsewhere", c.dsn, c.seq - c.first_seq + 5000, 9);
	falls_back_or_resets(fd, "elsewhere");
}

static void mapping_changed_underway(void)
{
	int fd = established();

	say_mapped("first ", c.dsn, 1, 12);
	say_mapped("second", c.dsn + 600, 1, 12);
	falls_back_or_resets(fd, "first second");
}

static void mapping_repeated_for_old_data(void)
{
	int fd = established();

	say("once");
	hears(fd, "once");
	c.dsn -= 4;
	say("once");
	goes_on(fd);
}

static void infinite_mapping(void)
{
	int fd = established();

	say_mapped("for ever", c.dsn, c.seq - c.first_seq, 0);
	hears(fd, "for ever");
	send_segment(ACK | PSH, NULL, " and ever", 9);
	hears(fd, " and ever");
	close(fd);
}

static void checksum_not_agreed_on(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 20, 2, 4 | 8);
	put(&o, c.dsn, 8);
	put(&o, 1, 4);
	put(&o, 3, 2);
	put(&o, 0x1234, 2);
	say_with(&o, "sum");
	falls_back_or_resets(fd, "sum");
}

static void data_ack_of_what_was_never_sent(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 12, 2, 1 | 2);
	put(&o, c.peer_dsn + 100000, 8);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void data_fin_from_the_future(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 18, 2, 4 | 8 | 16);
	put(&o, c.dsn + 5000, 8);
	put(&o, 0, 4);
	put(&o, 1, 2);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void fast_close_with_garbage_key(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 12, 7, 0);
	put(&o, ~c.peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void fast_close_with_the_key(void)
{
	struct options o = {};
	char text[4];
	int fd = established();

	begin(&o, 12, 7, 0);
	put(&o, c.peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
	holds(await(RST));
	holds(hear(fd, text, sizeof(text), 1000) < 0 && errno == ECONNRESET);
	close(fd);
}

static void reset_with_truncated_reason(void)
{
	struct options o = {};
	char text[4];
	int fd = established();

	begin(&o, 3, 8, 0);
	o.length = 3;
	send_segment(RST | ACK, &o, NULL, 0);
	hear(fd, text, sizeof(text), 500);
	close(fd);
}

#define ignored_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		int fd = established(); \
		send_segment(ACK, &o, NULL, 0); \
		goes_on(fd); \
	}
ignored_case(add_address_with_garbage_hmac, 30, 16, 0x30, 5, 10, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8)
ignored_case(add_address_truncated, 30, 9, 0x30, 5, 10, 9, 9, 9, 1)
ignored_case(add_address_of_family_7, 30, 16, 0x37, 5, 10, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8)
ignored_case(remove_of_unknown_addresses, 30, 6, 0x40, 3, 4, 5)
ignored_case(remove_of_no_address, 30, 3, 0x40)
ignored_case(priority_of_odd_length, 30, 5, 0x50, 1, 2)
ignored_case(join_on_an_old_connection, 30, 24, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
	     17, 18, 19, 20)
ignored_case(unknown_subtype, 30, 8, 0xf0, 1, 2, 3, 4, 5)
ignored_case(option_of_length_0, 30, 0, 0x20, 1)
ignored_case(option_of_length_2, 30, 2, 1, 1)
ignored_case(option_beyond_the_header, 30, 39, 0x20, 1)
ignored_case(fail_truncated, 30, 8, 0x60, 0, 1, 2, 3, 4)

/* Random option areas around true ones: nothing to be heard but what was said. */
static void random_options(void)
{
	srand(1);
	for (int i = 0; i < 40; i++) {
		int fd = established();

		for (int k = 0; k < 12; k++) {
			struct options o = {};

			while (o.length < 28 && rand() % 4) {
				begin(&o, (unsigned int)(rand() % 28), (unsigned int)(rand() % 10),
				      (unsigned int)rand() & 0xfff);
				put(&o, (uint64_t)rand() << 32 | (uint32_t)rand(), rand() % 9);
			}
			if (o.length % 4)
				put(&o, 0x01010101, 4 - (int)o.length % 4);
			if (rand() % 2)
				send_segment(ACK, &o, NULL, 0);
			else
				say_with(&o, "x");
		}
		close(fd);
		while (receive(0))
			;
	}
	good_connection();
}

/* --- cases: a plain TCP socket, in a namespace that has MPTCP sockets --- */

static void tcp_socket_ignores_all(void)
{
	static const uint8_t areas[][12] = {
		{ 30, 8, 0x20, 1, 1, 2, 3, 4 }, { 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8 },
		{ 30, 12, 0x60, 0, 1, 2, 3, 4, 5, 6, 7, 8 }, { 30, 0, 0, 0 }, { 30, 1, 0, 0 }, { 30, 40, 0, 0 },
		{ 30, 4, 0xf0, 0 }, { 30, 3, 0x50, 1 }, { 30, 12, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8 },
	};
	char text[20];
	int fd;

	new_connection(TCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK) && !option(0));
	ack_with_keys(c.key, 1);
	fd = accepted(plain_listener);
	holds(protocol_of(fd) == IPPROTO_TCP);
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		struct options o = { .length = 12 };

		memcpy(o.at, areas[i], 12);
		snprintf(text, sizeof(text), "some %zu", i);
		say_with(&o, text);
		/* The kernel drops a segment whose options do not add up (it looks for TCP-AO): once more. */
		if (areas[i][1] < 2 || areas[i][1] > 12) {
			c.seq -= (uint32_t)strlen(text);
			send_segment(ACK | PSH, NULL, text, (unsigned int)strlen(text));
		}
		hears(fd, text);
	}
	say_mapped("mapped", 12345, 77, 3);
	hears(fd, "mapped");
	close(fd);
}

/* --- cases: our SYN/ACK to the victim's connect() --- */

/* The victim calls; says what it gets back, with its SYN taken apart. */
static int called(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd;

	new_connection(0);
	to.sin_port = htons(c.port);
	inet_pton(AF_INET, "10.2.2.1", &to.sin_addr);
	setns(victim_namespace, CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 262);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EINPROGRESS)
		no("connect: %s", strerror(errno));
	holds(await(SYN));
	holds(option(0) && option(0)[1] == 4);
	return fd;
}

static void connects(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	holds(poll(&ready, 1, 1000) == 1 && ready.revents == POLLOUT);
}

static void answer_good(void)
{
	struct options o = {};
	int fd = called();

	begin(&o, 12, 0, 0x101);
	put(&o, c.key, 8);
	send_segment(SYN | ACK, &o, NULL, 0);
	connects(fd);
	holds(await(ACK) && option(0) && option(0)[1] == 20 && get(option(0) + 12, 8) == c.key);
	c.peer_key = get(option(0) + 4, 8);
	c.peer_dsn = first_dsn(c.peer_key) + 1;
	goes_on(fd);
}

/* The answer is no MP_CAPABLE: TCP in both directions. */
static void client_becomes_tcp(int fd)
{
	connects(fd);
	holds(await(ACK) && !got.options_length);
	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(fd, "plain");
	holds(send(fd, "back", 4, 0) == 4);
	while (receive(1000) && !got.length)
		;
	holds(got.length == 4 && !option(2));
	close(fd);
}

#define answer_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		int fd = called(); \
		send_segment(SYN | ACK, o.length > 1 ? &o : NULL, NULL, 0); \
		client_becomes_tcp(fd); \
	}
answer_case(answer_plain, 1)
answer_case(answer_truncated, 30, 8, 0x01, 1, 1, 2, 3, 4)
answer_case(answer_without_key, 30, 4, 0x01, 1)
answer_case(answer_of_version_0, 30, 12, 0x00, 1, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_without_algorithm, 30, 12, 0x01, 0, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_with_extension_bit, 30, 12, 0x01, 0x41, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_with_dss, 30, 8, 0x20, 1, 1, 2, 3, 4)
answer_case(answer_of_length_0, 30, 0, 0x01, 1)

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define one(name) { #name, name }
	one(good_connection),
	one(syn_truncated), one(syn_of_five), one(syn_overlong), one(syn_of_version_0), one(syn_of_version_2),
	one(syn_without_algorithm), one(syn_with_extension_bit), one(syn_option_of_length_0),
	one(syn_option_of_length_1), one(syn_option_of_length_2), one(syn_option_beyond_the_header),
	one(syn_with_dss), one(syn_with_fast_close), one(syn_with_unknown_subtype),
	one(syn_with_capable_twice), one(syn_with_capable_and_join), one(join_of_unknown_token),
	one(ack_without_option), one(ack_with_truncated_keys), one(ack_with_garbage_key),
	one(data_without_mapping), one(mapping_truncated), one(mapping_overlong),
	one(mapping_twice_with_different_numbers), one(mapping_far_outside_the_window),
	one(mapping_of_other_octets), one(mapping_changed_underway), one(mapping_repeated_for_old_data),
	one(infinite_mapping), one(checksum_not_agreed_on), one(data_ack_of_what_was_never_sent),
	one(data_fin_from_the_future), one(fast_close_with_garbage_key), one(fast_close_with_the_key),
	one(reset_with_truncated_reason), one(add_address_with_garbage_hmac), one(add_address_truncated),
	one(add_address_of_family_7), one(remove_of_unknown_addresses), one(remove_of_no_address),
	one(priority_of_odd_length), one(join_on_an_old_connection), one(unknown_subtype),
	one(option_of_length_0), one(option_of_length_2), one(option_beyond_the_header), one(fail_truncated),
	one(random_options), one(tcp_socket_ignores_all),
	one(answer_good), one(answer_plain), one(answer_truncated), one(answer_without_key),
	one(answer_of_version_0), one(answer_without_algorithm), one(answer_with_extension_bit),
	one(answer_with_dss), one(answer_of_length_0),
};

static int namespace_of(const char *name)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return fd;
}

static int listen_on(uint16_t port, int protocol)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0) {
		perror("raw: listen");
		exit(2);
	}
	return fd;
}

/* What the last case left in the queue of a listener. */
static void empty(int from)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };

	while (poll(&ready, 1, 0) > 0)
		close(accept(from, NULL, NULL));
}

int main(int argc, char **argv)
{
	static int failures;

	if (argc < 5)
		return 2;
	victim_namespace = namespace_of(argv[1]);
	setns(namespace_of(argv[2]), CLONE_NEWNET);
	packets = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	link_to = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6,
					.sll_ifindex = (int)if_nametoindex(argv[3]) };
	for (int i = 0; i < 6; i++)
		link_to.sll_addr[i] = (uint8_t)strtoul(argv[4] + 3 * i, NULL, 16);
	setns(victim_namespace, CLONE_NEWNET);
	listener = listen_on(MPTCP_PORT, 262);
	plain_listener = listen_on(TCP_PORT, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc > 5 && strcmp(argv[5], cases[i].name))
			continue;
		if (setjmp(failed)) {
			printf("no %s: %s\n", cases[i].name, why);
			failures++;
		} else {
			cases[i].run();
			printf("ok %s\n", cases[i].name);
		}
		fflush(stdout);
		if (c.peer_port && c.ack)
			send_segment(RST | ACK, NULL, NULL, 0);
		empty(listener);
		empty(plain_listener);
	}
	return failures > 0;
}
