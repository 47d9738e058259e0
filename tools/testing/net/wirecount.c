// SPDX-License-Identifier: GPL-2.0
/*
 * Counts the MPTCP options on an interface, without asking either implementation.
 *
 *	wirecount INTERFACE FILE
 *
 * Server ports of the tests lie between 10000 and 29999, so a segment's port tells its
 * conversation and its direction (c_: from the client, s_: from the server). On SIGUSR1
 * writes FILE, a line per port of shell assignments:
 *
 *	syn, synack	segments of the handshake with a well-formed MP_CAPABLE
 *	c_data, s_data	segments with payload, of these
 *	c_dss, s_dss	with a mapping (MP_CAPABLE with data length counts as one),
 *	c_none, s_none	with no MPTCP option at all
 *	sums		mappings with a checksum
 *	fins		DSS with DATA_FIN
 *	infinite	mappings of length 0
 *	rst, fastclose, fail, reason	segments with RST, MP_FASTCLOSE, MP_FAIL, MP_TCPRST
 *	bad		options of a length that no RFC knows; an option area that does not add up
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { FIRST = 10000, LAST = 29999, CAPTURE = 256 };

static struct counts {
	unsigned int seen, syn, synack, data[2], dss[2], none[2], sums, fins, infinite, rst, fastclose,
		fail, reason, bad;
} counts[LAST - FIRST + 1];

static volatile sig_atomic_t asked;

static void ask(int signal)
{
	(void)signal;
	asked = 1;
}

static unsigned int big16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

/* Length that the flags of a DSS promise, without and with a checksum. */
static unsigned int dss_length(uint8_t flags)
{
	return 4u + (flags & 1 ? (flags & 2 ? 8 : 4) : 0) + (flags & 4 ? (flags & 8 ? 14 : 10) : 0);
}

/* One MPTCP option; says whether it maps data. */
static int option_seen(struct counts *c, const uint8_t *option, unsigned int length, uint8_t tcp_flags)
{
	unsigned int expected, at;

	if (length < 3) {
		c->bad++;
		return 0;
	}
	switch (option[2] >> 4) {
	case 0:
		if (tcp_flags & 2 && tcp_flags & 16)
			length == 12 ? c->synack++ : c->bad++;
		else if (tcp_flags & 2)
			length == 4 ? c->syn++ : c->bad++;
		else if (length != 20 && length != 22 && length != 24)
			c->bad++;
		c->sums += length == 24;
		return length >= 22;
	case 2:
		expected = dss_length(option[3]);
		if (length != expected && !(option[3] & 4 && length == expected + 2))
			c->bad++;
		c->fins += option[3] >> 4 & 1;
		if (!(option[3] & 4))
			return 0;
		at = expected - 2;
		c->infinite += big16(option + at) == 0;
		c->sums += length > expected;
		return 1;
	case 1:
		c->bad += length != 12 && length != 16 && length != 24;
		return 0;
	case 5:
		c->bad += length != 3 && length != 4;
		return 0;
	case 6:
		c->fail++;
		c->bad += length != 12;
		return 0;
	case 7:
		c->fastclose++;
		c->bad += length != 12;
		return 0;
	case 8:
		c->reason++;
		c->bad += length != 4;
		return 0;
	default:
		return 0;
	}
}

static void segment_seen(const uint8_t *tcp, unsigned int captured, unsigned int length)
{
	unsigned int header = (tcp[12] >> 4) * 4u, source = big16(tcp), destination = big16(tcp + 2);
	int from_server = source >= FIRST && source <= LAST, mptcp = 0, maps = 0;
	unsigned int port = from_server ? source : destination;
	struct counts *c;

	if (port < FIRST || port > LAST)
		return;
	c = &counts[port - FIRST];
	c->seen = 1;
	if (header < 20 || header > captured) {
		c->bad++;
		return;
	}
	for (unsigned int at = 20; at < header && tcp[at]; ) {
		if (tcp[at] == 1) {
			at++;
			continue;
		}
		if (at + 2 > header || tcp[at + 1] < 2 || at + tcp[at + 1] > header) {
			c->bad++;
			break;
		}
		if (tcp[at] == 30) {
			mptcp = 1;
			maps |= option_seen(c, tcp + at, tcp[at + 1], tcp[13]);
		}
		at += tcp[at + 1];
	}
	c->rst += tcp[13] >> 2 & 1;
	if (length > header && !(tcp[13] & 2)) {
		c->data[from_server]++;
		c->dss[from_server] += (unsigned int)maps;
		c->none[from_server] += !mptcp;
	}
}

static void packet_seen(const uint8_t *ip, unsigned int captured)
{
	if (captured >= 40 && ip[0] >> 4 == 4 && ip[9] == 6) {
		unsigned int header = (ip[0] & 15) * 4u;

		segment_seen(ip + header, captured - header, big16(ip + 2) - header);
	} else if (captured >= 60 && ip[0] >> 4 == 6 && ip[6] == 6) {
		segment_seen(ip + 40, captured - 40, big16(ip + 4));
	}
}

static void report(const char *file)
{
	char temporary[4096];
	FILE *to;

	snprintf(temporary, sizeof(temporary), "%s.new", file);
	to = fopen(temporary, "w");
	if (!to)
		return;
	for (unsigned int i = 0; i <= LAST - FIRST; i++) {
		const struct counts *c = &counts[i];

		if (c->seen)
			fprintf(to, "port=%u syn=%u synack=%u c_data=%u s_data=%u c_dss=%u s_dss=%u c_none=%u "
				"s_none=%u checksummed=%u fins=%u infinite=%u rst=%u fastclose=%u fail=%u reason=%u bad=%u\n",
				i + FIRST, c->syn, c->synack, c->data[0], c->data[1], c->dss[0], c->dss[1],
				c->none[0], c->none[1], c->sums, c->fins, c->infinite, c->rst, c->fastclose,
				c->fail, c->reason, c->bad);
	}
	fclose(to);
	rename(temporary, file);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll from = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct sigaction action = { .sa_handler = ask };
	struct timeval patience = { .tv_usec = 50000 };
	int fd, memory = 64 << 20;
	static uint8_t frame[CAPTURE];

	if (argc != 3)
		return 2;
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	from.sll_ifindex = (int)if_nametoindex(argv[1]);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &memory, sizeof(memory));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0) {
		perror("wirecount");
		return 1;
	}
	sigaction(SIGUSR1, &action, NULL);
	puts("wirecount: ready");
	fflush(stdout);
	for (;;) {
		ssize_t got = recv(fd, frame, sizeof(frame), 0);

		if (got > ETH_HLEN) {
			packet_seen(frame + ETH_HLEN, (unsigned int)got - ETH_HLEN);
		} else if (got < 0 && asked && errno == EAGAIN) {
			asked = 0;
			report(argv[2]);
		}
	}
}
