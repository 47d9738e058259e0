// SPDX-License-Identifier: GPL-2.0
/*
 * Sends its input over MPTCP, one path slower than TCP would:
 *
 *	pace HOST PORT [ID RATE]
 *
 * Subflow ID (1 is the first, 2 the next) sends at most RATE octets in a second; the others take
 * the rest. At the end it says of each subflow what it was limited to and what it carried.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "subflow_opt.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Where `tcpi_bytes_acked` is in struct tcp_info, of which the C library knows the beginning only. */
#define BYTES_ACKED 120

struct wanted {
	struct mptcp_subflow_opt to;
	char value[256];
};

static int set(int fd, uint32_t id, int level, int name, const void *value, size_t length)
{
	struct wanted all = { .to = { .id = id, .level = level, .name = name } };

	memcpy(all.value, value, length);
	return setsockopt(fd, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &all, (socklen_t)(sizeof(all.to) + length));
}

static int get(int fd, uint32_t id, int level, int name, void *value, size_t length)
{
	struct wanted all = { .to = { .id = id, .level = level, .name = name } };
	socklen_t size = (socklen_t)(sizeof(all.to) + length);

	if (getsockopt(fd, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &all, &size) < 0)
		return -1;
	memcpy(value, all.value, length);
	return 0;
}

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *to;
	int error = getaddrinfo(host, port, &hints, &list), fd = -1;

	if (error) {
		fprintf(stderr, "pace: %s: %s\n", host, gai_strerror(error));
		return -1;
	}
	for (to = list; to; to = to->ai_next) {
		fd = socket(to->ai_family, SOCK_STREAM, IPPROTO_MPTCP);
		if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) == 0)
			break;
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		perror("pace");
	freeaddrinfo(list);
	return fd;
}

static void report(int fd)
{
	for (uint32_t id = 1; id <= 8; id++) {
		unsigned int rate;
		char info[BYTES_ACKED + 8];
		uint64_t acked;

		if (get(fd, id, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)) < 0 ||
		    get(fd, id, IPPROTO_TCP, TCP_INFO, info, sizeof(info)) < 0)
			continue;
		memcpy(&acked, info + BYTES_ACKED, sizeof(acked));
		fprintf(stderr, "pace: subflow %u, ", id);
		if (rate == ~0u)
			fprintf(stderr, "no limit");
		else
			fprintf(stderr, "at most %u octets in a second", rate);
		fprintf(stderr, ": %llu octets\n", (unsigned long long)acked);
	}
}

int main(int argc, char **argv)
{
	int fd, paced;
	char buffer[16384];
	ssize_t got;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: pace HOST PORT [ID RATE]\n");
		return 2;
	}
	fd = connect_to(argv[1], argv[2]);
	if (fd < 0)
		return 1;
	paced = argc == 3;
	while ((got = read(0, buffer, sizeof(buffer))) > 0) {
		if (!paced) {
			unsigned int rate = (unsigned int)strtoul(argv[4], NULL, 0);

			/* ESRCH: there is no such subflow yet. */
			paced = set(fd, (uint32_t)atoi(argv[3]), SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)) == 0;
			if (!paced && errno != ESRCH) {
				perror("pace: MPTCP_SUBFLOW_OPT");
				return 1;
			}
		}
		if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got) {
			perror("pace: send");
			return 1;
		}
	}
	report(fd);
	close(fd);
	return 0;
}
