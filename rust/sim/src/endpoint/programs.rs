// SPDX-License-Identifier: GPL-2.0

//! What the program does when it gets a turn.

use super::Endpoint;
use super::Env;
use crate::bytes::Piece;
use crate::tcp::Phase;
use rust_mptcp::engine::ConnState;
use rust_mptcp::engine::Event;

impl Endpoint {
    /// Lets the program do what it can now.
    pub fn run_app(&mut self, env: &mut Env<'_>) {
        if self.busy || self.app.closed {
            return;
        }
        self.busy = true;
        let opening = self
            .flows
            .first()
            .is_some_and(|f| f.tcp.phase == Phase::SynSent);
        self.app_loses_patience(env);
        if !opening {
            while self.app_reads(env) || self.app_writes(env) {}
            self.app_ends(env);
        }
        self.busy = false;
    }

    fn app_loses_patience(&mut self, env: &mut Env<'_>) {
        let app = &mut self.app;
        let abort = app.plan.abort_at.is_some_and(|at| at <= env.now);
        let tired = env.now >= app.progress_at + app.plan.patience;
        if !abort && !tired {
            return;
        }
        app.plan.abort_at = None;
        app.gave_up |= tired;
        app.closed = true;
        app.unread = 0;
        if self.conn.is_some() {
            self.post(env, Event::Abort);
            self.post(env, Event::Close { unread: false });
        } else if !self.flows.is_empty() {
            self.reset(env, 0);
        }
    }

    /// One read; says whether it may be worth another turn.
    fn app_reads(&mut self, env: &mut Env<'_>) -> bool {
        let app = &mut self.app;
        if app.unread == 0 || app.next_read > env.now || app.closed {
            return false;
        }
        let count = app.plan.read.min(app.unread);
        self.record.causes += 1;
        app.unread -= count;
        app.read += count;
        app.progress_at = env.now;
        if app.plan.read != u64::MAX {
            app.next_read = env.now + app.plan.read_every;
        }
        let free = self.free();
        if self.conn.is_some() {
            self.post(env, Event::ReceiveSpace { free });
        } else if !self.flows.is_empty() {
            let tcp = &self.flows[0].tcp;
            let promised = tcp.rx.promised_window();
            if promised < 2 * tcp.mss && tcp.rx.window(free, self.step(0)) > promised {
                self.ack(env, 0);
            }
        }
        true
    }

    /// One write; says whether it may be worth another turn.
    fn app_writes(&mut self, env: &mut Env<'_>) -> bool {
        let wants = self.app.wants();
        if wants <= self.app.written || self.app.shut || self.flows.is_empty() {
            return false;
        }
        let Some(conn) = self.conn.as_ref() else {
            return self.plain_writes(env, wants);
        };
        if conn.state() == ConnState::Close {
            return false;
        }
        let queued = self.app.written - self.record.released;
        let room = self.host.send_buffer.saturating_sub(queued);
        let len = (wants - self.app.written)
            .min(room)
            .min(self.app.plan.write);
        if len == 0 {
            return false;
        }
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.app.written += u64::from(len);
        self.post(env, Event::AppWrote { len });
        true
    }

    /// Plain TCP: the octets go straight to it.
    fn plain_writes(&mut self, env: &mut Env<'_>, wants: u64) -> bool {
        let tcp = &mut self.flows[0].tcp;
        let len = (wants - self.app.written).min(u64::from(tcp.room())) as u32;
        if len == 0 || !tcp.takes() {
            return false;
        }
        tcp.write(Piece::new(self.side, self.app.written, len), false);
        self.app.written += u64::from(len);
        self.tcp_send(env, 0);
        true
    }

    /// Closes what is to be closed.
    fn app_ends(&mut self, env: &mut Env<'_>) {
        if self.record.engine && self.is_closed() {
            // Nothing more will come: the program sees the end or an error, and lets go.
            self.app.plan.hold = 0;
            if self.app.unread == 0 && self.app.eof {
                self.app_closes(env, false);
            }
            return;
        }
        if self.app.is_done() && !self.app.shut && env.now >= self.app.plan.hold {
            self.app.plan.hold = 0;
            self.app.shut = true;
            if self.app.plan.hasty {
                let unread = self.app.unread > 0;
                return self.app_closes(env, unread);
            }
            if self.conn.is_some() {
                self.post(env, Event::ShutdownWrite);
            } else if !self.flows.is_empty() {
                self.flows[0].tcp.shut();
                self.tcp_send(env, 0);
            }
        }
        if self.app.shut && self.app.at_end() && !self.app.closed {
            self.app_closes(env, false);
        }
    }

    fn app_closes(&mut self, env: &mut Env<'_>, unread: bool) {
        self.app.closed = true;
        self.app.shut = true;
        if self.conn.is_some() {
            self.post(env, Event::Close { unread });
        } else if !self.flows.is_empty() && self.app.plan.hasty {
            if unread {
                self.reset(env, 0);
            } else {
                self.flows[0].tcp.shut();
                self.tcp_send(env, 0);
            }
        }
    }

    /// The path says that packets above `mtu` do not pass.
    pub fn too_big(&mut self, env: &mut Env<'_>, index: usize, mss: u32) {
        let tcp = &mut self.flows[index].tcp;
        if mss < tcp.mss && tcp.is_open() {
            tcp.mss = mss;
            self.tcp_resend(env, index);
        }
    }
}
