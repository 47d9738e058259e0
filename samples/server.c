// SPDX-License-Identifier: GPL-2.0
/*
 * A server that speaks MPTCP with those who do: server PORT sends back what it gets.
 *
 * The only line that is not ordinary TCP programming is marked with (*).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_IS_MPTCP
#define TCP_IS_MPTCP 43
#endif

/* IPv6, and IPv4 as mapped addresses. */
static int listen_on(int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP); /* (*) */
	int one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 16) < 0)
		return -1;
	return fd;
}

/* A client of plain TCP gives a plain TCP socket, which works the same. */
static void echo(int fd, const char *from)
{
	int mptcp = 0;
	socklen_t length = sizeof(mptcp);
	char buffer[16384];
	long total = 0;
	ssize_t got;

	getsockopt(fd, IPPROTO_TCP, TCP_IS_MPTCP, &mptcp, &length);
	printf("server: %s, %s", from, mptcp ? "MPTCP" : "plain TCP");
	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0) {
		if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
			break;
		total += got;
	}
	printf(", %ld bytes\n", total);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 2) {
		fprintf(stderr, "usage: server PORT\n");
		return 2;
	}
	listener = listen_on(atoi(argv[1]));
	if (listener < 0) {
		perror("server");
		return 1;
	}
	for (;;) {
		struct sockaddr_in6 from;
		socklen_t length = sizeof(from);
		char name[INET6_ADDRSTRLEN];
		int fd = accept(listener, (struct sockaddr *)&from, &length);

		if (fd < 0) {
			perror("server: accept");
			return 1;
		}
		echo(fd, inet_ntop(AF_INET6, &from.sin6_addr, name, sizeof(name)));
		close(fd);
	}
}
