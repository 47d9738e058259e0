// SPDX-License-Identifier: GPL-2.0
/*
 * A TCP that says what it is told to: segments from a packet socket, for an address that our
 * own kernel does not have, to a victim on the same link. One connection at a time.
 *
 *	us 10.2.2.1, fd02::1 --- the victim 10.2.2.2, fd02::2
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"

#define MPTCP 262

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

/* Some users need not all of it. */
#define shared static __attribute__((unused))

/* --- what goes wrong --- */

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

/* --- SHA-256 of a key, for the first data sequence number and the token --- */

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void hash_key(uint64_t key, uint32_t h[8])
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
	static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
					   0x1f83d9ab, 0x5be0cd19 };
	uint32_t w[64] = { (uint32_t)(key >> 32), (uint32_t)key, 0x80000000 }, s[8];

	w[15] = 64;
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, start, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t a = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) +
			((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		uint32_t b = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) +
			((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += a;
		s[0] = a + b;
	}
	for (int i = 0; i < 8; i++)
		h[i] = start[i] + s[i];
}

shared uint64_t first_dsn(uint64_t key)
{
	uint32_t h[8];

	hash_key(key, h);
	return (uint64_t)h[6] << 32 | h[7];
}

shared uint32_t token_of(uint64_t key)
{
	uint32_t h[8];

	hash_key(key, h);
	return h[0];
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

static struct connection {
	bool v6;
	uint16_t port, peer_port, window;
	/* `taken`: what the victim has acknowledged. */
	uint32_t seq, ack, first_seq, taken;
	uint64_t key, peer_key, dsn, peer_dsn;
} c;

/* The last segment from the victim. */
static struct segment {
	uint8_t flags, options[40];
	const uint8_t *octets;
	unsigned int options_length, length;
	uint32_t seq, ack;
	uint16_t window;
} got;

/* Told of each segment in either direction: its TCP header and what follows. */
static void (*witness)(bool ours, const uint8_t *tcp, unsigned int length);

/* --- the link --- */

/* By c.v6. */
static int packets[2];
static struct sockaddr_ll link_to[2];

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

/* In the namespace of ours: the packet sockets, and to whom they send. */
static void open_link(const char *interface, const char *victim_mac)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint16_t protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);

		packets[v6] = socket(AF_PACKET, SOCK_DGRAM, protocol);
		link_to[v6] = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_protocol = protocol, .sll_halen = 6,
						    .sll_ifindex = (int)if_nametoindex(interface) };
		for (int i = 0; i < 6; i++)
			link_to[v6].sll_addr[i] = (uint8_t)strtoul(victim_mac + 3 * i, NULL, 16);
		if (packets[v6] < 0 || !link_to[v6].sll_ifindex) {
			perror("packet socket");
			exit(2);
		}
	}
}

/* The IP header for so many octets of TCP; returns its length, and the sum of its pseudo header. */
static unsigned int put_ip(uint8_t *ip, unsigned int length, uint32_t *pseudo)
{
	static const uint8_t v4[8] = { 10, 2, 2, 1, 10, 2, 2, 2 };
	static const uint8_t v6[32] = { 0xfd, 2, [15] = 1, [16] = 0xfd, 2, [31] = 2 };

	if (c.v6) {
		ip[0] = 0x60;
		big(ip + 4, length, 2);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, v6, 32);
		*pseudo = sum(v6, 32, 6 + length);
		return 40;
	}
	ip[0] = 0x45;
	big(ip + 2, 20 + length, 2);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, v4, 8);
	big(ip + 10, fold(sum(ip, 20, 0)), 2);
	*pseudo = sum(v4, 8, 6 + length);
	return 20;
}

static void send_segment(uint8_t flags, const struct options *o, const void *data, unsigned int length)
{
	unsigned int area = o ? (o->length + 3) / 4 * 4 : 0, tcp_length = 20 + area + length, ip_length;
	uint8_t ip[2000] = {}, *tcp;
	uint32_t pseudo;

	ip_length = put_ip(ip, tcp_length, &pseudo);
	tcp = ip + ip_length;
	big(tcp, c.port, 2);
	big(tcp + 2, c.peer_port, 2);
	big(tcp + 4, c.seq, 4);
	big(tcp + 8, flags & ACK ? c.ack : 0, 4);
	tcp[12] = (uint8_t)((20 + area) / 4 << 4);
	tcp[13] = flags;
	big(tcp + 14, c.window, 2);
	if (o)
		memcpy(tcp + 20, o->at, o->length);
	if (length)
		memcpy(tcp + 20 + area, data, length);
	big(tcp + 16, fold(sum(tcp, tcp_length, pseudo)), 2);
	if (witness)
		witness(true, tcp, tcp_length);
	if (sendto(packets[c.v6], ip, ip_length + tcp_length, 0, (struct sockaddr *)&link_to[c.v6],
		   sizeof(link_to[c.v6])) < 0)
		no("sendto: %s", strerror(errno));
	c.seq += length + !!(flags & SYN) + !!(flags & FIN);
}

/* The next segment of this connection, or of any if c.port is 0; false if there is none in time. */
static bool receive(int ms)
{
	/* A train of segments comes as one. */
	static uint8_t ip[70000];
	unsigned int ip_length = c.v6 ? 40 : 20, header, tcp_length;
	uint8_t *tcp = ip + ip_length;
	struct pollfd ready = { .fd = packets[c.v6], .events = POLLIN };

	while (poll(&ready, 1, ms) > 0) {
		ssize_t length = recv(packets[c.v6], ip, sizeof(ip), 0);
		uint32_t end;

		if (length < (ssize_t)ip_length + 20 || ip[0] >> 4 != (c.v6 ? 6 : 4) || ip[c.v6 ? 6 : 9] != 6 ||
		    (c.port && get(tcp + 2, 2) != c.port))
			continue;
		if (c.peer_port && get(tcp, 2) != c.peer_port)
			continue;
		tcp_length = (unsigned int)(c.v6 ? get(ip + 4, 2) : get(ip + 2, 2) - 20);
		header = (tcp[12] >> 4) * 4u;
		if (header < 20 || header > tcp_length || ip_length + tcp_length > (size_t)length)
			no("a segment of %u octets with a header of %u", tcp_length, header);
		if (witness)
			witness(false, tcp, tcp_length);
		got = (struct segment){ .flags = tcp[13], .options_length = header - 20,
					.seq = (uint32_t)get(tcp + 4, 4), .ack = (uint32_t)get(tcp + 8, 4),
					.window = (uint16_t)get(tcp + 14, 2) };
		c.port = (uint16_t)get(tcp + 2, 2);
		c.peer_port = (uint16_t)get(tcp, 2);
		memcpy(got.options, tcp + 20, header - 20);
		got.octets = tcp + header;
		got.length = tcp_length - header;
		/* What is sent again takes nothing back. */
		end = got.seq + got.length + !!(got.flags & SYN) + !!(got.flags & FIN);
		if (got.flags & SYN || (int32_t)(end - c.ack) > 0)
			c.ack = end;
		if (got.flags & ACK)
			c.taken = got.ack;
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

static void new_connection(uint16_t port, uint16_t to)
{
	/* Above those of a connection with the same ports, which may be in TIME_WAIT. */
	static uint32_t numbers = 1000;

	c.port = port;
	c.peer_port = to;
	c.window = 60000;
	c.seq = c.first_seq = numbers += 1 << 18;
	c.ack = c.taken = 0;
	c.key = 0x1122334455667788 + port;
	c.dsn = first_dsn(c.key) + 1;
	memset(&got, 0, sizeof(got));
}

/* The victim's key has arrived. */
static void learn_key(uint64_t key)
{
	c.peer_key = key;
	c.peer_dsn = first_dsn(key) + 1;
}
