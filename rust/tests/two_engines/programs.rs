// SPDX-License-Identifier: GPL-2.0

//! What the programs do when they get a turn.

use super::app::App;
use super::world::World;
use rust_mptcp::engine::*;

impl World {
    /// Lets a program do what it can now.
    pub fn run_app(&mut self, side: usize) {
        if !self.hosts[side].started {
            return;
        }
        if self.hosts[side]
            .app
            .abort_at
            .is_some_and(|at| at <= self.now)
        {
            self.hosts[side].app.abort_at = None;
            self.post(side, Event::Abort);
        }
        self.app_reads(side);
        self.app_writes(side);
        let app = &self.hosts[side].app;
        if app.is_done() && !app.shut {
            self.hosts[side].app.shut = true;
            if self.hosts[side].conn.is_some() {
                if self.hosts[side].app.hasty {
                    self.hosts[side].app.closed = true;
                    let unread = !self.hosts[side].app.unread.is_empty();
                    self.post(side, Event::Close { unread });
                } else {
                    self.post(side, Event::ShutdownWrite);
                }
            } else {
                self.hosts[side].tcp.fin_wanted = true;
                self.tcp_send(side);
            }
        }
        let app = &self.hosts[side].app;
        if app.shut && app.at_end() && !app.closed {
            self.hosts[side].app.closed = true;
            self.post(side, Event::Close { unread: false });
        }
    }

    pub fn app_reads(&mut self, side: usize) {
        let now = self.now;
        let app = &mut self.hosts[side].app;
        if app.unread.is_empty() || app.next_read > now {
            return;
        }
        let count = app.read.min(app.unread.len());
        let rest = app.unread.split_off(count);
        let got = core::mem::replace(&mut app.unread, rest);
        app.received.extend(got);
        app.next_read = now + app.read_every;
        let free = self.hosts[side].free();
        if self.hosts[side].conn.is_some() {
            self.post(side, Event::ReceiveSpace { free });
        } else if self.hosts[side].tcp.promised < self.hosts[side].tcp.rcv_nxt + 1000 {
            self.ack(side);
        }
    }

    pub fn app_writes(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        let wants = host.app.wants();
        if wants <= host.app.written || host.app.shut {
            return;
        }
        if host.conn.is_none() {
            let from = host.app.written;
            for place in from..wants {
                host.tcp.sent.push(App::octet(side, place));
            }
            host.app.written = wants;
            return self.tcp_send(side);
        }
        if host
            .conn
            .as_ref()
            .is_some_and(|c| c.state() == ConnState::Close)
        {
            return;
        }
        let room = host
            .sndbuf
            .saturating_sub(host.app.written as u64 - host.released) as usize;
        let len = (wants - host.app.written).min(room).min(host.app.write);
        if len > 0 {
            host.app.written += len;
            self.post(side, Event::AppWrote { len: len as u32 });
        }
    }
}
