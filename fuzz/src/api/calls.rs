//! From bytes to calls.

use super::super::input::Input;
use super::World;
use super::peer;
use super::slots::Slots;
use super::watch::{self, Order};
use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;
use wskt::ffi::*;

/// One list of calls and the thread that makes them.
pub(super) struct Caller<'a> {
    world: &'a Arc<World>,
    slots: &'a Slots,
    input: Input<'a>,
}

/// No result is anything but a number of the header, and none tells of a bug.
fn check(result: wskt_result) -> wskt_result {
    assert_ne!(result, wskt_result::WSKT_ERR_PANIC);
    assert!(!wskt_result_name(result as i32).is_null());
    result
}

impl<'a> Caller<'a> {
    pub(super) fn new(world: &'a Arc<World>, calls: &'a [u8]) -> Self {
        Self { world, slots: &world.slots, input: Input::new(calls) }
    }

    pub(super) fn run(&mut self) {
        while !self.input.is_empty() && !self.world.over.load(std::sync::atomic::Ordering::Relaxed)
        {
            self.call();
        }
    }

    fn index(&mut self, len: usize) -> usize {
        usize::from(self.input.byte()) % len
    }

    /// A name without NUL, which C could not pass.
    fn name(&mut self) -> CString {
        let bytes: Vec<u8> = self.input.string().iter().copied().filter(|b| *b != 0).collect();
        CString::new(bytes).unwrap_or_default()
    }

    fn milliseconds(&mut self) -> i64 {
        match self.input.byte() {
            byte @ 0..=200 => i64::from(byte),
            201 => -1,
            202 => i64::MAX,
            203 => i64::MIN,
            _ => 2,
        }
    }

    /// A limit of a wait: not long, and perhaps not valid.
    fn wait(&mut self) -> i32 {
        match self.input.byte() {
            255 => -2,
            254 => i32::MIN,
            byte => i32::from(byte % 8),
        }
    }

    fn call(&mut self) {
        let what = self.input.byte() % 40;
        match what {
            0..=2 => self.make(what),
            3 => self.make_socket(),
            4..=7 => self.free(what),
            8..=11 => self.configure(what),
            12..=17 => self.drive_loop(what),
            18..=22 => self.drive_socket(what),
            23..=29 => self.send(what),
            30..=32 => self.set(what),
            33..=36 => self.get(),
            _ => self.close_events(what),
        }
    }

    fn make(&mut self, what: u8) {
        // SAFETY: outputs are places of this frame; a handle that finds its
        // slot taken is freed at once.
        unsafe {
            match what {
                0 => {
                    let at = self.index(2);
                    let mut config = ptr::null_mut();
                    check(wskt_config_new(&raw mut config));
                    // Nothing takes seconds.
                    for set in [
                        wskt_config_set_open_timeout,
                        wskt_config_set_close_timeout,
                        wskt_config_set_linger_timeout,
                        wskt_config_set_send_timeout,
                    ] {
                        check(set(config, 100));
                    }
                    if !self.slots.configs[at].put(config) {
                        wskt_config_free(config);
                    }
                }
                1 => {
                    let at = self.index(2);
                    let mut made = ptr::null_mut();
                    if check(wskt_loop_new(&raw mut made)) == wskt_result::WSKT_OK
                        && !self.slots.loops[at].put(made)
                    {
                        check(wskt_loop_free(made));
                    }
                }
                _ => {
                    let at = self.index(2);
                    let (kind, reason) = (self.name(), self.input.string());
                    let code = u16::from(self.input.byte()) << 8 | u16::from(self.input.byte());
                    let mut event = ptr::null_mut();
                    let made = wskt_close_event_new(
                        kind.as_ptr(),
                        code & 1 != 0,
                        code,
                        reason.as_ptr().cast(),
                        reason.len(),
                        &raw mut event,
                    );
                    if check(made) == wskt_result::WSKT_OK && !self.slots.events[at].put(event) {
                        wskt_close_event_free(event);
                    }
                }
            }
        }
    }

    fn make_socket(&mut self) {
        let at = self.index(4);
        let choice = self.input.byte();
        let event_loop = self.slots.loops[usize::from(choice & 1)].enter();
        let config = self.slots.configs[usize::from(choice >> 1 & 1)].enter();
        let on = if choice & 4 == 0 { event_loop.handle } else { ptr::null_mut() };
        let script = self.input.string();
        let url = match choice >> 4 {
            0 => CString::new(script.iter().copied().filter(|b| *b != 0).collect::<Vec<_>>())
                .unwrap_or_default(),
            // The port of nobody.
            1 => c"ws://127.0.0.1:1/".into(),
            _ => CString::new(peer::url(script)).unwrap_or_default(),
        };
        if names_another_host(&url) {
            return;
        }
        let mut socket = ptr::null_mut();
        // SAFETY: the handles are held, the output is a place of this frame,
        // and the user data is what its destructor takes.
        unsafe {
            let made = check(wskt_socket_new(on, url.as_ptr(), config.handle, &raw mut socket));
            if made != wskt_result::WSKT_OK {
                return;
            }
            let order = Arc::new(Order::default());
            let data = self.slots.watch(order, self.world).cast::<c_void>();
            check(wskt_socket_set_user_data(socket, data, Some(watch::destroy)));
            check(wskt_socket_set_on_open(socket, Some(watch::on_open)));
            check(wskt_socket_set_on_message(socket, Some(watch::on_message)));
            check(wskt_socket_set_on_error(socket, Some(watch::on_error)));
            check(wskt_socket_set_on_close(socket, Some(watch::on_close)));
            check(wskt_socket_set_on_drain(socket, Some(watch::on_drain)));
            if !self.slots.sockets[at].put(socket) {
                wskt_socket_free(socket);
            }
        }
    }

    fn free(&mut self, what: u8) {
        let at = self.index(4);
        // SAFETY: what is taken out of its slot is used by nobody else.
        unsafe {
            match what {
                4 => self.slots.sockets[at].take().into_iter().for_each(|s| wskt_socket_free(s)),
                5 => {
                    self.slots.configs[at % 2].take().into_iter().for_each(|c| wskt_config_free(c))
                }
                6 => {
                    if let Some(event_loop) = self.slots.loops[at % 2].take()
                        && check(wskt_loop_free(event_loop)) != wskt_result::WSKT_OK
                    {
                        // Inside a callback of its own; the slot may have been
                        // filled meanwhile.
                        while !self.slots.loops[at % 2].put(event_loop) {
                            if let Some(other) = self.slots.loops[at % 2].take() {
                                check(wskt_loop_free(other));
                            }
                        }
                    }
                }
                _ => {
                    if let Some(event) = self.slots.events[at % 2].take() {
                        wskt_close_event_free(event);
                    }
                }
            }
        }
    }

    fn configure(&mut self, what: u8) {
        let config = self.slots.configs[self.input.byte() as usize & 1].enter();
        let config = config.handle;
        // SAFETY: the handle is held and buffers are as long as told.
        unsafe {
            check(match what {
                8 => {
                    let set = [
                        wskt_config_set_open_timeout,
                        wskt_config_set_connect_timeout,
                        wskt_config_set_tls_timeout,
                        wskt_config_set_upgrade_timeout,
                        wskt_config_set_close_timeout,
                        wskt_config_set_linger_timeout,
                        wskt_config_set_send_timeout,
                    ];
                    let at = self.index(set.len());
                    set[at](config, self.milliseconds())
                }
                9 => {
                    let (name, value) = (self.name(), self.name());
                    wskt_config_add_header(config, name.as_ptr(), value.as_ptr())
                }
                10 => {
                    let pem = self.input.string();
                    wskt_config_add_ca_pem(config, pem.as_ptr().cast(), pem.len())
                }
                _ => {
                    let number = usize::from(self.input.byte());
                    match self.input.byte() % 6 {
                        0 => wskt_config_set_max_message_size(config, number as u64 * 97),
                        1 => wskt_config_set_max_fragments(config, number as u32),
                        2 => {
                            let high = usize::from(self.input.byte());
                            wskt_config_set_water_marks(config, number, high)
                        }
                        3 => wskt_config_set_browser_mode(config, number & 1 != 0),
                        4 => wskt_config_set_read_buffer(config, number << 12),
                        _ => wskt_config_set_allow_missing_protocol(config, number & 1 != 0),
                    }
                }
            });
        }
    }

    fn drive_loop(&mut self, what: u8) {
        let held = self.slots.loops[self.input.byte() as usize & 1].enter();
        let event_loop = held.handle;
        // SAFETY: the handle is held; a lent event is looked at only if no
        // other thread could free its socket.
        unsafe {
            check(match what {
                12 => wskt_loop_start(event_loop),
                13 => wskt_loop_stop(event_loop),
                14 => wskt_loop_run(event_loop),
                15 => {
                    let _ = wskt_loop_fd(event_loop);
                    let _ = wskt_loop_timeout_ms(event_loop);
                    wskt_loop_dispatch(event_loop)
                }
                16 => {
                    let mut event = ptr::null();
                    let limit = self.wait();
                    let pulled = wskt_loop_next_event(event_loop, limit, &raw mut event);
                    if pulled == wskt_result::WSKT_OK && self.world.alone {
                        watch::look(event);
                    }
                    pulled
                }
                _ => wskt_loop_wake(event_loop),
            });
        }
    }

    fn drive_socket(&mut self, what: u8) {
        let at = self.index(4);
        let held = self.slots.sockets[at].enter();
        let socket = held.handle;
        // SAFETY: the handle is held; a lent event is looked at before the
        // next call that could end the loan, unless another thread makes it.
        unsafe {
            check(match what {
                18 => wskt_socket_open(socket),
                19 => wskt_socket_connect(socket, self.wait()),
                20 => {
                    let mut event = ptr::null();
                    let got = wskt_socket_recv(socket, self.wait(), &raw mut event);
                    if got == wskt_result::WSKT_OK && self.world.alone {
                        watch::look(event);
                    }
                    got
                }
                21 => wskt_socket_run(socket),
                _ => wskt_socket_interrupt(socket),
            });
        }
    }

    fn send(&mut self, what: u8) {
        let at = self.index(4);
        let held = self.slots.sockets[at].enter();
        let socket = held.handle;
        let mut payload = self.input.string().to_vec();
        if let Some(large) = payload.first().and_then(|first| first.checked_sub(249)) {
            // A large one now and then.
            payload.resize(usize::from(large) * 20_000, b'x');
        }
        let (data, len) = (payload.as_ptr(), payload.len());
        // SAFETY: the handle is held and buffers are as long as told.
        unsafe {
            check(match what {
                23 => wskt_socket_send_text(socket, data.cast(), len),
                24 => wskt_socket_send_binary(socket, data.cast(), len),
                25 => wskt_socket_ping(socket, data.cast(), len),
                26 => {
                    let code = match self.input.byte() {
                        0 => 0,
                        1 => 1000,
                        byte => 2980 + 8 * u16::from(byte),
                    };
                    wskt_socket_close(socket, code, data.cast(), len)
                }
                27 => wskt_socket_abort(socket),
                28 => wskt_socket_pause(socket),
                _ => wskt_socket_resume(socket),
            });
        }
    }

    fn set(&mut self, what: u8) {
        let at = self.index(4);
        let held = self.slots.sockets[at].enter();
        let socket = held.handle;
        // SAFETY: the handle is held; the watch of the handlers stays with the
        // user data it was set with.
        unsafe {
            check(match what {
                30 => {
                    let name = self.name();
                    wskt_socket_add_protocol(socket, name.as_ptr())
                }
                31 => match self.input.byte() % 5 {
                    0 => wskt_socket_set_on_open(socket, None),
                    1 => wskt_socket_set_on_message(socket, None),
                    2 => wskt_socket_set_on_drain(socket, None),
                    3 => wskt_socket_set_on_message(socket, Some(watch::on_message)),
                    _ => wskt_socket_set_on_open(socket, Some(watch::on_open)),
                },
                _ => wskt_socket_set_user_data(socket, ptr::null_mut(), None),
            });
        }
    }

    fn get(&mut self) {
        let at = self.index(4);
        let held = self.slots.sockets[at].enter();
        let socket = held.handle;
        let name = self.name();
        // SAFETY: the handle is held; text lives as long as the socket.
        unsafe {
            let _ = wskt_socket_ready_state(socket);
            let _ = wskt_socket_buffered_amount(socket);
            let _ = wskt_socket_response_status(socket);
            let texts: [unsafe extern "C" fn(*const wskt_socket, *mut usize) -> *const c_char; 3] =
                [wskt_socket_url, wskt_socket_protocol, wskt_socket_extensions];
            for get in texts {
                let mut len = 0;
                let text = get(socket, &raw mut len);
                if !text.is_null() {
                    assert_eq!(std::ffi::CStr::from_ptr(text).count_bytes(), len);
                }
            }
            let mut len = 0;
            let body = wskt_socket_response_body(socket, &raw mut len);
            if !body.is_null() {
                std::hint::black_box(std::slice::from_raw_parts(body.cast::<u8>(), len).to_vec());
            }
            let _ = wskt_socket_response_header(socket, name.as_ptr(), &raw mut len);
            for index in 0..wskt_socket_response_header_count(socket) + 1 {
                let (mut key, mut value) = (ptr::null(), ptr::null());
                check(wskt_socket_response_header_at(socket, index, &raw mut key, &raw mut value));
            }
            let _ = wskt_socket_user_data(socket);
            let event = wskt_socket_close_event(socket);
            if !event.is_null() {
                watch::look(event.cast());
            }
            let _ = wskt_socket_error_text(socket);
        }
    }

    fn close_events(&mut self, what: u8) {
        let at = self.index(2);
        let Some(event) = self.slots.events[at].enter_alone() else { return };
        // SAFETY: the handles are held; the event belongs to this thread.
        unsafe {
            if what == 37 {
                let (kind, reason) = (self.name(), self.input.string());
                check(wskt_close_event_init(
                    event.handle,
                    kind.as_ptr(),
                    true,
                    true,
                    false,
                    1000,
                    reason.as_ptr().cast(),
                    reason.len(),
                ));
            } else {
                let socket = self.slots.sockets[self.index(4)].enter();
                check(wskt_socket_dispatch_close_event(socket.handle, event.handle));
            }
        }
    }
}

/// Nothing but this machine is connected to: a URL that the bytes made up and
/// that would be taken must not name another.
fn names_another_host(url: &CString) -> bool {
    let text = url.to_string_lossy();
    match wskt::fuzzing::host(&text) {
        Some(host) => !matches!(host.as_str(), "127.0.0.1" | "::1"),
        None => false,
    }
}
