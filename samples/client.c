// SPDX-License-Identifier: GPL-2.0
/*
 * A client that asks for MPTCP: client HOST PORT sends its input and prints the answer.
 *
 * The only line that is not ordinary TCP programming is marked with (*).
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_IS_MPTCP
#define TCP_IS_MPTCP 43
#endif

/* Tries the addresses of a name one after the other. */
static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *to;
	int error = getaddrinfo(host, port, &hints, &list), fd = -1;

	if (error) {
		fprintf(stderr, "client: %s: %s\n", host, gai_strerror(error));
		return -1;
	}
	for (to = list; to; to = to->ai_next) {
		fd = socket(to->ai_family, SOCK_STREAM, IPPROTO_MPTCP); /* (*) */
		if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) == 0)
			break;
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		perror("client");
	freeaddrinfo(list);
	return fd;
}

int main(int argc, char **argv)
{
	int fd, mptcp = 0;
	socklen_t length = sizeof(mptcp);
	char buffer[16384];
	ssize_t got;

	if (argc != 3) {
		fprintf(stderr, "usage: client HOST PORT\n");
		return 2;
	}
	fd = connect_to(argv[1], argv[2]);
	if (fd < 0)
		return 1;
	getsockopt(fd, IPPROTO_TCP, TCP_IS_MPTCP, &mptcp, &length);
	fprintf(stderr, "client: connected, %s\n", mptcp ? "MPTCP" : "plain TCP");

	while ((got = read(0, buffer, sizeof(buffer))) > 0)
		if (send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
			break;
	shutdown(fd, SHUT_WR);
	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		if (write(1, buffer, (size_t)got) != got)
			break;
	if (got < 0)
		perror("client: recv");
	close(fd);
	return got < 0;
}
