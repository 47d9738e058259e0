// SPDX-License-Identifier: GPL-2.0

//! What programs and time do.

use super::super::input::Input;
use super::host::Host;
use rust_mptcp::engine::Event;

impl Host {
    pub fn write(&mut self, input: &mut Input<'_>) {
        let len = match input.u8() {
            0xFF => 1 << 20,
            small => u32::from(small) + 1,
        };
        if self.writes {
            self.written += u64::from(len);
            self.post(Event::AppWrote { len });
        }
    }

    pub fn receive_space(&mut self, input: &mut Input<'_>) {
        let free = input.u32() >> 8;
        self.post(Event::ReceiveSpace { free });
    }

    pub fn program(&mut self, input: &mut Input<'_>) {
        let choice = input.u8();
        if self.app_closed {
            return;
        }
        self.writes = false;
        match choice & 3 {
            0 | 1 => self.post(Event::ShutdownWrite),
            2 => {
                self.app_closed = true;
                let unread = choice & 4 != 0;
                self.post(Event::Close { unread });
            }
            _ => self.post(Event::Abort),
        }
    }

    /// Lets the next timer come, if one runs; it must not come again at once.
    pub fn timer(&mut self) {
        if let Some(at) = self.conn.next_timeout() {
            self.now = self.now.max(at.as_millis());
            self.post(Event::Timer);
            let next = self.conn.next_timeout();
            assert!(next.is_none_or(|next| next > at), "a timer storm");
        }
    }
}
