//! A line between a host and its database that can be cut, refuse, or go silent on purpose.
//!
//! It carries bytes between a loopback port and the server's socket, on threads of its own, so that it works on however
//! the test waits. It knows nothing of what it carries.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::cluster::Database;

/// What a line does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Carries it.
    Open,
    /// Takes it and hands nothing on until it is open again, and says nothing of that: a network that swallows packets.
    Silent,
    /// Closes every connection at once.
    Refusing,
}

/// A line to a database. It is taken down when dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    database: String,
}

#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    /// Rises with each cut.
    cuts: u64,
    accepted: u64,
    is_down: bool,
    live: Vec<(u64, TcpStream, Option<UnixStream>)>,
}

impl Proxy {
    /// A line to the server of a database.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn to(database: &Database) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State { mode: Mode::Open, cuts: 0, accepted: 0, is_down: false, live: Vec::new() };
        let shared = Arc::new(Shared {
            socket: database.socket_file(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.state().is_down {
                    return;
                }
                accepting.take(stream);
            }
        });
        Ok(Proxy { shared, address, database: database.name().to_owned() })
    }

    /// The URL for a role by this line. `application` is how the server knows who is at the other end.
    pub fn url(&self, role: &str, application: &str) -> String {
        format!("postgres://{role}@{}/{}?application_name={application}", self.address, self.database)
    }

    /// What it does from now on, with the connections that it has too.
    pub fn set(&self, mode: Mode) {
        let mut state = self.shared.state();
        state.mode = mode;
        if mode == Mode::Refusing {
            state.cut();
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Closes every connection that it has. The next ones are carried as before.
    pub fn cut(&self) {
        self.shared.state().cut();
        self.shared.changed.notify_all();
    }

    /// Connections that were asked for so far.
    pub fn accepted(&self) -> u64 {
        self.shared.state().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_down = true;
        state.cut();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes whoever accepts, who sees that it is down.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn cut(&mut self) {
        self.cuts += 1;
        for (_, client, server) in self.live.drain(..) {
            // What is closed already is closed.
            let _ = client.shutdown(Shutdown::Both);
            if let Some(server) = server {
                let _ = server.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the line is silent; false if it was cut since `cuts`.
    fn may_carry(&self, cuts: u64) -> bool {
        let silent = |state: &mut State| state.mode == Mode::Silent && state.cuts == cuts;
        let waited = self.changed.wait_while(self.state(), silent);
        waited.unwrap_or_else(PoisonError::into_inner).cuts == cuts
    }

    fn take(self: &Arc<Self>, client: TcpStream) {
        let Ok(kept) = client.try_clone() else { return };
        let (number, cuts) = {
            let mut state = self.state();
            state.accepted += 1;
            if state.mode == Mode::Refusing {
                return;
            }
            let number = state.accepted;
            state.live.push((number, kept, None));
            (number, state.cuts)
        };
        let shared = Arc::clone(self);
        thread::spawn(move || {
            // Whatever goes wrong, the other end sees a connection that was closed.
            let _ = shared.carry(&client, number, cuts);
            let _ = client.shutdown(Shutdown::Both);
            shared.state().live.retain(|(of, ..)| *of != number);
        });
    }

    fn carry(self: &Arc<Self>, client: &TcpStream, number: u64, cuts: u64) -> io::Result<()> {
        if !self.may_carry(cuts) {
            return Ok(());
        }
        client.set_nodelay(true)?;
        let server = UnixStream::connect(&self.socket)?;
        {
            let mut state = self.state();
            if state.cuts != cuts {
                return Ok(());
            }
            if let Some((.., kept)) = state.live.iter_mut().find(|(of, ..)| *of == number) {
                *kept = Some(server.try_clone()?);
            }
        }
        let (back_from, back_to, shared) = (server.try_clone()?, client.try_clone()?, Arc::clone(self));
        let back = thread::spawn(move || {
            shared.pump(&back_from, &back_to, cuts);
            let _ = back_to.shutdown(Shutdown::Both);
            let _ = back_from.shutdown(Shutdown::Both);
        });
        self.pump(client, &server, cuts);
        let _ = server.shutdown(Shutdown::Both);
        // It has ended, or ends with the socket.
        let _ = back.join();
        Ok(())
    }

    fn pump<From, To>(&self, mut from: &From, mut to: &To, cuts: u64)
    where
        for<'a> &'a From: Read,
        for<'a> &'a To: Write,
    {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !self.may_carry(cuts) || to.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, time::Duration};

    use super::*;

    /// A server that says back what it hears.
    fn echo(folder: &std::path::Path) -> Database {
        let database = Database::in_folder(folder);
        let listener = UnixListener::bind(database.socket_file()).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        database
    }

    fn say(stream: &mut TcpStream, word: &str) -> io::Result<String> {
        stream.write_all(word.as_bytes())?;
        let mut heard = [0; 16];
        let count = stream.read(&mut heard)?;
        Ok(String::from_utf8_lossy(&heard[..count]).into_owned())
    }

    fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(stream.read(&mut [0]), Ok(0) | Err(_))
    }

    #[test]
    fn a_line_carries_is_cut_is_silent_and_refuses() {
        let folder = std::env::temp_dir().join(format!("statusync-proxy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let proxy = Proxy::to(&echo(&folder)).unwrap();
        let call = || TcpStream::connect(proxy.address).unwrap();
        let mut first = call();
        assert_eq!(say(&mut first, "one").unwrap(), "one");

        proxy.cut();
        assert!(is_closed(&mut first));
        let mut second = call();
        assert_eq!(say(&mut second, "three").unwrap(), "three");

        proxy.set(Mode::Silent);
        second.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(say(&mut second, "four").is_err());
        proxy.set(Mode::Open);
        second.set_read_timeout(None).unwrap();
        let mut late = [0; 4];
        second.read_exact(&mut late).unwrap();
        assert_eq!(&late, b"four");

        proxy.set(Mode::Refusing);
        assert!(is_closed(&mut second) && is_closed(&mut call()));
        assert_eq!(proxy.accepted(), 3);
        drop(proxy);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
