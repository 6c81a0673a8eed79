//! The kernel's signal calls, for all 64 signals. The C libraries keep some
//! real-time signals out of their own functions (glibc 32 and 33, musl 34
//! too); a supervisor has to pass on these as well.
//!
//! Nearly all `unsafe` code of this room is here.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;
use nix::sys::signal::{SigHandler, Signal as NixSignal};
use nix::unistd::Pid;

use super::Outcome;
use super::signal::Signal;

/// The kernel's own set of signals: a bit for each.
type Mask = u64;

/// The size of a set, which the kernel wants to be told.
const MASK_SIZE: usize = size_of::<Mask>();

/// Sets the mask of this thread, and gives the former one.
fn set_mask(mask: Mask) -> Mask {
    let mut former: Mask = 0;
    // SAFETY: both pointers are to sets of the size that is told.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            &raw mut former,
            MASK_SIZE,
        );
    }
    former
}

/// Signals wait until they are read. A fault of this program itself (a wrong
/// access to memory, an abort) still ends it: the kernel and libc see to that.
#[derive(Debug)]
pub struct Blocked {
    former: Mask,
}

/// Lets all signals wait, in this thread and in those that it starts.
pub fn block_signals() -> Blocked {
    // Where the end of children is ignored, as some parents leave it, the
    // kernel throws their exit codes away.
    set_default(Signal::CHILD);
    Blocked { former: set_mask(Mask::MAX) }
}

impl Blocked {
    /// Lets signals through again as this process found them, for whoever
    /// does not supervise anything.
    pub fn restore(self) {
        set_mask(self.former);
    }

    /// Signals that ask for an end end this process at once: for work without
    /// a child. As the first process of a container, too, where the kernel
    /// ignores those that nobody handles.
    pub fn end_at_once(self) {
        extern "C" fn end(number: libc::c_int) {
            // SAFETY: `_exit` may be called by a handler; it does nothing else.
            unsafe { libc::_exit(128 + number) }
        }
        for signal in [NixSignal::SIGTERM, NixSignal::SIGINT, NixSignal::SIGHUP, NixSignal::SIGQUIT]
        {
            // SAFETY: the handler makes one call that is allowed in handlers.
            let former = unsafe { nix::sys::signal::signal(signal, SigHandler::Handler(end)) };
            // Who started it with `nohup` or `&` wants these to be ignored.
            if signal != NixSignal::SIGTERM && matches!(former, Ok(SigHandler::SigIgn)) {
                // SAFETY: no handler is involved.
                let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigIgn) };
            }
        }
        set_mask(self.former & !ENDING);
    }
}

/// TERM, INT, HUP and QUIT.
const ENDING: Mask = 1 << 14 | 1 << 1 | 1 << 0 | 1 << 2;

/// Whether a signal that asks for an end is waiting.
pub(super) fn end_is_waiting() -> bool {
    waiting() & ENDING != 0
}

fn waiting() -> Mask {
    let mut mask: Mask = 0;
    // SAFETY: the pointer is to a set of the size that is told.
    unsafe {
        libc::syscall(libc::SYS_rt_sigpending, &raw mut mask, MASK_SIZE);
    }
    mask
}

/// The kernel's `struct sigaction`, large enough for every architecture. All
/// zeros are the default action without flags.
const DEFAULT_ACTION: [u64; 8] = [0; 8];

fn set_default(signal: Signal) {
    // SAFETY: the action is read only, and large enough. KILL and STOP are
    // refused, which changes nothing.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            signal.number(),
            DEFAULT_ACTION.as_ptr(),
            std::ptr::null_mut::<u64>(),
            MASK_SIZE,
        );
    }
}

/// Gives a new process the signals as it expects them: nothing ignored (as
/// `nohup`, `&` and some runtimes leave it) and nothing blocked.
///
/// Makes only system calls and allocates nothing, so that it may be called
/// between fork and exec.
pub(super) fn reset_signals() {
    for number in 1..=64 {
        if let Some(signal) = Signal::of_number(number) {
            set_default(signal);
        }
    }
    set_mask(0);
}

/// Stops this process and its group as Ctrl-Z would, if anybody is there who
/// could let it go on, and unless something comes up that speaks against it.
/// Comes back when it goes on. Whether somebody has seen to that.
pub(super) fn stop_as_the_terminal_would(unless: impl FnOnce() -> bool) -> bool {
    let stop = libc::SIGTSTP;
    // SAFETY: plain system calls. The whole group is meant, as with Ctrl-Z.
    unsafe { libc::kill(0, stop) };
    // A CONT that came before is forgotten with this, one that comes from now
    // on is not: so this is the time to ask.
    if unless() {
        // SAFETY: as above. The kernel forgets the stop.
        unsafe { libc::kill(0, libc::SIGCONT) };
        return false;
    }
    let has_come = |number: i32| waiting() & (1 << (number - 1)) != 0;
    loop {
        let blocked = set_mask(Mask::MAX & !(1 << (stop - 1)));
        // It has stopped and gone on between these two calls, unless its group
        // has nobody above it: then the kernel has thrown the signal away.
        set_mask(blocked);
        // Asked first: a stop that comes after it is seen by the second question.
        if has_come(Signal::CONT.number()) {
            return true;
        }
        // The terminal has stopped the group once more before the CONT was seen,
        // which the kernel forgets then. So this process stops with the others.
        if !has_come(stop) {
            return false;
        }
    }
}

/// A signal that came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Received {
    pub signal: Signal,
    code: i32,
    sender: u32,
}

impl Received {
    /// The kernel tells of a child; nobody has sent this.
    pub fn tells_of_a_child(self) -> bool {
        self.signal == Signal::CHILD && self.code > 0
    }

    /// The terminal (or the kernel for another reason) sent it.
    pub fn is_from_kernel(self) -> bool {
        self.code == 0x80 // SI_KERNEL
    }

    /// This process caused it: by writing into a pipe that nobody reads, or
    /// by stopping its own group.
    pub fn is_own(self) -> bool {
        self.code <= 0 && self.sender == std::process::id()
    }
}

/// Where the signals of this process are read.
#[derive(Debug)]
pub(super) struct Signals(File);

/// The size of one signal (`struct signalfd_siginfo`).
const ENTRY: usize = 128;

impl Signals {
    /// They have to be blocked.
    pub fn open() -> io::Result<Self> {
        let mask = Mask::MAX;
        // SAFETY: the pointer is to a set of the size that is told.
        let number = unsafe {
            libc::syscall(
                libc::SYS_signalfd4,
                -1,
                &raw const mask,
                MASK_SIZE,
                libc::SFD_CLOEXEC | libc::SFD_NONBLOCK,
            )
        };
        let number = i32::try_from(number).unwrap_or(-1);
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it, and nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        Ok(Self(File::from(descriptor)))
    }

    /// Those that wait, at most 64 at a time.
    pub fn read(&self) -> Vec<Received> {
        let mut bytes = [0; 64 * ENTRY];
        // Nothing there is the only error that a reader of signals can get.
        let length = (&self.0).read(&mut bytes).unwrap_or(0);
        let entries = bytes[..length].chunks_exact(ENTRY);
        entries
            .filter_map(|entry| {
                let field = |at: usize| {
                    entry[at..].first_chunk::<4>().map(|bytes| i32::from_ne_bytes(*bytes))
                };
                Some(Received {
                    signal: Signal::of_number(field(0)?)?,
                    code: field(8)?,
                    sender: field(12)?.cast_unsigned(),
                })
            })
            .collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What there is to know of the children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    /// There are none.
    None,
    /// All run.
    Run,
    /// This one has ended, or stopped where that was asked for.
    Changed(Pid, Outcome),
}

fn wait(which: libc::idtype_t, id: libc::id_t, options: libc::c_int) -> Children {
    // SAFETY: a structure of numbers and pointers, for which zeros are valid.
    let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: the pointer is to a structure of the right type.
        let result =
            unsafe { libc::waitid(which, id, &raw mut information, options | libc::WNOHANG) };
        if result == 0 {
            break;
        }
        if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return Children::None;
        }
    }
    // SAFETY: `waitid` fills these fields, or leaves zeros where nobody ended.
    let (pid, status) = unsafe { (information.si_pid(), information.si_status()) };
    if pid == 0 {
        return Children::Run;
    }
    let outcome = if information.si_code == libc::CLD_EXITED {
        Outcome::Exited(u8::try_from(status & 0xff).unwrap_or(255))
    } else {
        Outcome::Signalled(status)
    };
    Children::Changed(Pid::from_raw(pid), outcome)
}

/// Any child that has ended. It stays as it is, so that its number is not
/// given to another process before [`reap`] is called.
pub(super) fn peek() -> Children {
    wait(libc::P_ALL, 0, libc::WEXITED | libc::WNOWAIT)
}

/// Takes note of a child's end: it is gone after this.
pub(super) fn reap(pid: Pid) {
    wait(libc::P_PID, pid.as_raw().cast_unsigned(), libc::WEXITED);
}

/// The signal that has stopped the child since this was asked last.
pub(super) fn has_stopped(pid: Pid) -> Option<Signal> {
    match wait(libc::P_PID, pid.as_raw().cast_unsigned(), libc::WSTOPPED) {
        Children::Changed(_, Outcome::Signalled(number)) => Signal::of_number(number),
        _ => None,
    }
}

/// Sends a signal to a process, or to the group of a negative number. Whoever
/// is gone cannot be told, so there is no error.
pub(super) fn send(to: i32, signal: Signal) -> bool {
    // SAFETY: a plain system call.
    unsafe { libc::kill(to, signal.number()) == 0 }
}

/// Files that are made are not for everybody to write, where nobody has chosen
/// that: Argo's executor leaves a umask of 0 behind.
pub(super) fn tighten_umask() {
    // SAFETY: plain system calls, which cannot fail.
    unsafe {
        let former = libc::umask(0o022);
        if former != 0 {
            libc::umask(former);
        }
    }
}
