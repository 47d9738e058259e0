// SPDX-License-Identifier: GPL-2.0
/*
 * closing ADDRESS SECONDS: on one CPU a program opens an MPTCP listener there and closes it a few
 * milliseconds later, again and again; on another CPU one connects to it all the time.
 * Prints how many listeners and connections there were.
 */
#include <arpa/inet.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define PORT 7000
/* The longest life of a listener, in microseconds. */
#define LIFE 12000

static struct sockaddr_storage address;
static socklen_t address_len;

static void parse(const char *text)
{
	struct sockaddr_in *v4 = (void *)&address;
	struct sockaddr_in6 *v6 = (void *)&address;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(PORT);
		address_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(PORT);
		address_len = sizeof(*v6);
	} else {
		errx(2, "%s is no address", text);
	}
}

static int open_socket(void)
{
	int fd = socket(address.ss_family, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0)
		err(2, "socket");
	return fd;
}

static void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(2, "CPU %d", cpu);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static unsigned long listen_and_close(double end)
{
	unsigned long listeners = 0;
	int one = 1;

	while (now() < end) {
		int fd = open_socket();

		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
			err(2, "SO_REUSEADDR");
		if (bind(fd, (void *)&address, address_len) || listen(fd, 64))
			err(2, "listen");
		usleep(rand() % LIFE);
		close(fd);
		listeners++;
	}
	return listeners;
}

static void connect_always(unsigned long *connections)
{
	/* A SYN/ACK for a listener that is gone is answered by nobody. */
	struct timeval patience = { .tv_usec = 100000 };

	for (;;) {
		int fd = open_socket();

		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)))
			err(2, "SO_SNDTIMEO");
		if (!connect(fd, (void *)&address, address_len))
			++*connections;
		close(fd);
	}
}

int main(int argc, char **argv)
{
	unsigned long listeners, *connections;
	double seconds;
	int status;
	pid_t pid;

	if (argc != 3 || (seconds = atof(argv[2])) <= 0)
		errx(2, "usage: closing ADDRESS SECONDS");
	parse(argv[1]);
	connections = mmap(NULL, sizeof(*connections), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (connections == MAP_FAILED)
		err(2, "mmap");
	pid = fork();
	if (pid < 0)
		err(2, "fork");
	if (!pid) {
		on_cpu(1);
		connect_always(connections);
	}
	on_cpu(0);
	listeners = listen_and_close(now() + seconds);
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		errx(1, "who connects gave up");
	printf("%lu listeners, %lu connections\n", listeners, *connections);
	return !listeners || !*connections;
}
