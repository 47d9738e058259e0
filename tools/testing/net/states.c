// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that die by SIGKILL, each in a state of its own.
 *
 *	states ADDRESS UNREACHABLE
 *
 * ADDRESS is a local one, UNREACHABLE one on a link where nobody answers for it. A case is a
 * client and a server, each a process that does what its letters say and reports when it has
 * come to the last; then one of them, or both at once, is killed. A survivor that waits for
 * data must learn of it. Prints `ok NAME` or `no NAME: why` per case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MPTCP	262

/*
 * a accept, c connect, u begin to connect to where nobody answers;
 * w write a little, W write until there is no room, r read a little;
 * s shutdown(WR), h shutdown(RD), x close.
 * The last letter, after the report:
 * . nothing more, A in accept(), U in connect() to nobody, b in recv(), B in send(), p in poll().
 */
static const struct {
	const char *name, *client, *server;
} cases[] = {
	{ "listening", "", "." },
	{ "in accept", "", "A" },
	{ "SYN sent", "u.", "" },
	{ "in connect", "U", "" },
	{ "not accepted", "c.", "." },
	{ "not accepted, with data", "cw.", "." },
	{ "not accepted, closed", "cwx.", "." },
	{ "established", "c.", "a." },
	{ "in recv", "cb", "ab" },
	{ "client in recv", "cb", "a." },
	{ "server in recv", "c.", "ab" },
	{ "in send", "cB", "aB" },
	{ "client in send", "cB", "a." },
	{ "server in send, client in recv", "cb", "aB" },
	{ "in poll", "cp", "ap" },
	{ "data unread", "cw.", "a." },
	{ "data unsent", "cW.", "a." },
	{ "data unsent both ways", "cW.", "aW." },
	{ "half closed by the client", "cs.", "ab" },
	{ "half closed by the client, data unsent", "cWs.", "a." },
	{ "half closed by the server", "cb", "as." },
	{ "half closed by both", "cs.", "as." },
	{ "half closed by both, data unsent", "cWs.", "aWs." },
	{ "shut for reading", "ch.", "aW." },
	{ "closed by the client", "cx.", "a." },
	{ "closed by the client, data unsent", "cWx.", "a." },
	{ "closed by the client, data unread", "cx.", "aW." },
	{ "closed by the server", "c.", "ax." },
	{ "closed by both, data unsent", "cWx.", "aWx." },
};

static union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} local, nobody;
static socklen_t length;

struct side {
	pid_t pid;
	int report;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	_exit(1);
}

static void parse(union address *to, const char *text)
{
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) == 1) {
		to->v4.sin_family = AF_INET;
		length = sizeof(to->v4);
	} else {
		must(inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1, text);
		to->v6.sin6_family = AF_INET6;
		length = sizeof(to->v6);
	}
	to->v4.sin_port = htons(9);
}

static int new_socket(void)
{
	int fd = socket(local.any.sa_family, SOCK_STREAM, MPTCP);

	must(fd >= 0, "socket");
	return fd;
}

/* Until there is no room, or the other side has closed, which resets what it does not read. */
static void fill(int fd)
{
	static const char octets[4096];

	while (send(fd, octets, sizeof(octets), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	must(errno == EAGAIN || errno == ECONNRESET || errno == EPIPE, "send");
}

static void tell(int report)
{
	must(write(report, "!", 1) == 1, "report");
}

/* Never returns; ends with 0 if a read or a write was ended by the peer's death. */
static void wait_in(char how, int fd, int listener, int report)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char octets[4096] = "";

	tell(report);
	switch (how) {
	case 'A':
		accept(listener, NULL, NULL);
		break;
	case 'U':
		connect(fd, &nobody.any, length);
		break;
	case 'b':
		while (recv(fd, octets, sizeof(octets), 0) > 0)
			;
		break;
	case 'B':
		while (send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0)
			;
		break;
	case 'p':
		poll(&ready, 1, -1);
		break;
	default:
		pause();
	}
	_exit(0);
}

static void act(const char *letters, int listener, int report)
{
	char octets[1000] = "";
	int fd = listener >= 0 ? -1 : new_socket();

	for (; letters[1]; letters++) {
		switch (*letters) {
		case 'a':
			fd = accept(listener, NULL, NULL);
			must(fd >= 0, "accept");
			break;
		case 'c':
			must(connect(fd, &local.any, length) == 0, "connect");
			break;
		case 'u':
			fcntl(fd, F_SETFL, O_NONBLOCK);
			must(connect(fd, &nobody.any, length) < 0 && errno == EINPROGRESS, "connect");
			break;
		case 'w':
			must(send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0, "send");
			break;
		case 'W':
			fill(fd);
			break;
		case 'r':
			must(recv(fd, octets, sizeof(octets), 0) > 0, "recv");
			break;
		case 's':
			must(shutdown(fd, SHUT_WR) == 0, "shutdown");
			break;
		case 'h':
			must(shutdown(fd, SHUT_RD) == 0, "shutdown");
			break;
		case 'x':
			must(close(fd) == 0, "close");
			break;
		}
	}
	wait_in(*letters, fd, listener, report);
}

static struct side start(const char *letters, int listener)
{
	struct side side = { 0 };
	int pipe_of[2];

	if (!*letters)
		return side;
	must(pipe(pipe_of) == 0, "pipe");
	side.pid = fork();
	must(side.pid >= 0, "fork");
	if (side.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		act(letters, listener, pipe_of[1]);
	}
	close(pipe_of[1]);
	side.report = pipe_of[0];
	return side;
}

/* True if it came to its last letter, and, if that waits in a call, into it. */
static bool ready(struct side *side)
{
	struct pollfd report = { .fd = side->report, .events = POLLIN };
	char letter, path[40], state = 0;

	if (!side->pid)
		return true;
	if (poll(&report, 1, 20000) <= 0 || read(side->report, &letter, 1) != 1)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", side->pid);
	for (int tries = 0; state != 'S' && state != 'Z' && tries < 2000; tries++) {
		FILE *stat = fopen(path, "r");

		if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (stat)
			fclose(stat);
		usleep(1000);
	}
	return true;
}

static void end(struct side *side)
{
	if (side->pid) {
		kill(side->pid, SIGKILL);
		waitpid(side->pid, NULL, 0);
		close(side->report);
	}
	side->pid = 0;
}

/* A survivor in recv() or send() comes back, because it learns of the other's death. */
static bool learns(struct side *side)
{
	for (int tries = 0; tries < 4000; tries++) {
		if (waitpid(side->pid, NULL, WNOHANG) == side->pid) {
			side->pid = 0;
			close(side->report);
			return true;
		}
		usleep(5000);
	}
	return false;
}

static char last(const char *letters)
{
	return *letters ? letters[strlen(letters) - 1] : 0;
}

/* Kills `who`: the client (c), the server (s) or both (b). */
static const char *play(const char *client_does, const char *server_does, char who)
{
	int listener = new_socket();
	socklen_t size = length;
	struct side client, server, *survivor;
	const char *why = NULL;
	char waits;

	local.v4.sin_port = 0;
	must(bind(listener, &local.any, length) == 0, "bind");
	must(listen(listener, 5) == 0, "listen");
	must(getsockname(listener, &local.any, &size) == 0, "getsockname");
	server = start(server_does, listener);
	/* From here on the listener is the server's alone. */
	close(listener);
	client = start(client_does, -1);
	if (!ready(&server))
		why = "the server did not come to its last letter";
	else if (!ready(&client))
		why = "the client did not come to its last letter";
	if (!why && who != 'b') {
		survivor = who == 'c' ? &server : &client;
		waits = last(who == 'c' ? server_does : client_does);
		end(who == 'c' ? &client : &server);
		if (survivor->pid && (waits == 'b' || waits == 'B' || waits == 'p') && !learns(survivor))
			why = "the survivor did not learn of it within 20 s";
	} else {
		if (client.pid)
			kill(client.pid, SIGKILL);
	}
	end(&server);
	end(&client);
	return why;
}

int main(int argc, char **argv)
{
	static const struct {
		char who;
		const char *name;
	} victims[] = { { 'c', "client" }, { 's', "server" }, { 'b', "both" } };

	if (argc != 3) {
		fprintf(stderr, "usage: states ADDRESS UNREACHABLE\n");
		return 2;
	}
	parse(&local, argv[1]);
	parse(&nobody, argv[2]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t v = 0; v < 3; v++) {
			bool lonely = !*cases[i].client || !*cases[i].server;
			const char *why;

			if (lonely && victims[v].who != 'b')
				continue;
			why = play(cases[i].client, cases[i].server, victims[v].who);
			printf("%s %s, %s killed%s%s\n", why ? "no" : "ok", cases[i].name,
			       victims[v].name, why ? ": " : "", why ? why : "");
		}
	}
	return 0;
}
