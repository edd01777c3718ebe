//! Listening sockets: binding them, and handing every accepted connection to a worker.

use crate::client::{ClientHandle, Details};
use crate::config::{Config, id};
use crate::connection::Connection;
use crate::log::Level;
use crate::server::Server;
use crate::stream::Accepted;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// How long to wait before accepting again when the system refuses, so that a lack of descriptors does not become a
/// busy loop.
const ACCEPT_RETRY_MS: u64 = 10;

/// The sockets a server listens on.
#[derive(Default)]
pub(crate) struct Listeners {
    tcp: Vec<std::net::TcpListener>,
    unix: Option<(std::os::unix::net::UnixListener, PathBuf)>,
}

fn bind_tcp(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The addresses behind one word of `bind`.
fn resolve(word: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    match word {
        "*" => Ok(vec![SocketAddr::from(([0, 0, 0, 0], port))]),
        "::*" => Ok(vec![SocketAddr::new(IpAddr::from([0u16; 8]), port)]),
        _ => Ok((word, port).to_socket_addrs()?.collect()),
    }
}

/// Binds the TCP sockets that the configuration asks for: none if the port is 0. What fails is logged.
fn bind_all_tcp(config: &Config, log: &crate::log::Log) -> Result<Vec<std::net::TcpListener>, ()> {
    let port = config.uint(id::PORT) as u16;
    let backlog = config.int(id::TCP_BACKLOG) as i32;
    let mut sockets = Vec::new();
    if port == 0 {
        return Ok(sockets);
    }
    for word in config.bind().iter() {
        let word = String::from_utf8_lossy(word);
        let (word, optional) = match word.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (&*word, false),
        };
        let bound = resolve(word, port).and_then(|addresses| {
            addresses.into_iter().map(|address| bind_tcp(address, backlog)).collect::<Result<Vec<_>, _>>()
        });
        match bound {
            Ok(bound) => sockets.extend(bound),
            Err(error) => {
                let reason = error_text(&error);
                log.warning(format_args!(
                    "Warning: Could not create server TCP listening socket {word}:{port}: {reason}"
                ));
                if !(optional && is_missing_here(&error)) {
                    return Err(());
                }
            }
        }
    }
    if sockets.is_empty() { Err(()) } else { Ok(sockets) }
}

/// Whether an address could not be bound because this machine does not have it.
fn is_missing_here(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::NOPROTOOPT)
    )
}

impl Listeners {
    /// Binds every configured address. An address with a leading `-` may be missing on this machine.
    pub(crate) fn bind(config: &Config, log: &crate::log::Log) -> Result<Self, String> {
        let mut listeners = Self::default();
        let port = config.uint(id::PORT) as u16;
        let backlog = config.int(id::TCP_BACKLOG) as i32;
        listeners.tcp = bind_all_tcp(config, log)
            .map_err(|()| format!("Failed listening on port {port} (TCP), aborting."))?;
        if let Some(path) = config.path(id::UNIXSOCKET).filter(|path| !path.as_os_str().is_empty()) {
            let socket = bind_unix(&path, config.uint(id::UNIXSOCKETPERM) as u32, backlog)
                .map_err(|error| format!("Failed opening Unix socket: bind: {}", error_text(&error)))?;
            listeners.unix = Some((socket, path));
        }
        if listeners.tcp.is_empty() && listeners.unix.is_none() {
            return Err("Configured to not listen anywhere, exiting.".into());
        }
        Ok(listeners)
    }

    /// The path of the Unix socket, to remove it at the end.
    pub(crate) fn unix_path(&self) -> Option<&Path> {
        self.unix.as_ref().map(|(_, path)| path.as_path())
    }

    /// Gives the TCP sockets into the server's care, where CONFIG SET can exchange them.
    pub(crate) fn open(self, server: &Server) -> io::Result<OpenListeners> {
        let bound_to = {
            let config = server.config.read();
            (config.uint(id::PORT), Arc::clone(config.bind()))
        };
        Ok(OpenListeners { tcp: server.tcp_sockets.begin(self.tcp, bound_to)?, unix: self.unix })
    }
}

/// Sockets that only have to be accepted from.
pub(crate) struct OpenListeners {
    tcp: UnboundedReceiver<AddedSocket>,
    unix: Option<(std::os::unix::net::UnixListener, PathBuf)>,
}

impl OpenListeners {
    /// Accepts connections for ever, as tasks of the current runtime. Sockets that CONFIG SET opens later are served by the
    /// same runtime.
    pub(crate) fn accept(mut self, server: &Arc<Server>) -> io::Result<()> {
        let acceptor = Arc::clone(server);
        tokio::spawn(async move {
            while let Some(socket) = self.tcp.recv().await {
                match TcpListener::from_std(socket.listener) {
                    Ok(listener) => {
                        tokio::spawn(accept_tcp(Arc::clone(&acceptor), listener, socket.retired));
                    }
                    Err(error) => acceptor
                        .log
                        .warning(format_args!("Accepting client connection: {}", error_text(&error))),
                }
            }
        });
        if let Some((socket, path)) = self.unix {
            let listener = UnixListener::from_std(socket)?;
            let server = Arc::clone(server);
            tokio::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((stream, _)) => {
                            drop(stream.into_std().map(|stream| welcome_unix(&server, stream, &path)));
                        }
                        Err(error) => accept_failed(&server, &error).await,
                    }
                }
            });
        }
        Ok(())
    }
}

/// Accepts connections of one socket until it is retired.
async fn accept_tcp(server: Arc<Server>, listener: TcpListener, retired: Arc<Notify>) {
    loop {
        // A socket that is shut down fails to accept; that it is retired has been said before.
        let accepted = tokio::select! {
            biased;
            () = retired.notified() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                // A socket that fails right away is its client's loss only.
                let _ = stream.into_std().and_then(|stream| welcome_tcp(&server, stream, address));
            }
            Err(error) => accept_failed(&server, &error).await,
        }
    }
}

/// What TCP sockets are bound to: the port, and the words of `bind`.
type BoundTo = (u64, Arc<[Box<[u8]>]>);

/// A TCP socket on its way to the thread that accepts.
struct AddedSocket {
    listener: std::net::TcpListener,
    retired: Arc<Notify>,
}

/// A TCP socket that accepts, as the one who may close it sees it.
struct OpenSocket {
    socket: Socket,
    retired: Arc<Notify>,
}

#[derive(Default)]
struct OpenSockets {
    sockets: Vec<OpenSocket>,
    /// `None` when they were closed and could not be replaced.
    bound_to: Option<BoundTo>,
    /// `None` until the server accepts.
    acceptor: Option<UnboundedSender<AddedSocket>>,
}

impl OpenSockets {
    fn add(&mut self, listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
        for listener in listeners {
            let retired = Arc::new(Notify::new());
            let socket = Socket::from(listener.try_clone()?);
            self.sockets.push(OpenSocket { socket, retired: Arc::clone(&retired) });
            if let Some(acceptor) = &self.acceptor {
                // Nobody receives any more only when the server ends.
                drop(acceptor.send(AddedSocket { listener, retired }));
            }
        }
        Ok(())
    }

    /// Stops listening at once, so that the address is free, and lets the tasks that accept end.
    fn close(sockets: Vec<OpenSocket>) {
        for open in sockets {
            open.retired.notify_one();
            // Where a listening socket cannot be shut down it is closed by its task.
            drop(open.socket.shutdown(std::net::Shutdown::Both));
        }
    }
}

/// The TCP sockets that the server listens on, which CONFIG SET can exchange while it runs.
#[derive(Default)]
pub(crate) struct TcpSockets(Mutex<OpenSockets>);

impl TcpSockets {
    fn begin(
        &self,
        listeners: Vec<std::net::TcpListener>,
        bound_to: BoundTo,
    ) -> io::Result<UnboundedReceiver<AddedSocket>> {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut open = self.0.lock();
        open.acceptor = Some(sender);
        open.bound_to = Some(bound_to);
        open.add(listeners)?;
        Ok(receiver)
    }

    /// The port of the first socket; `None` without one.
    pub(crate) fn port(&self) -> Option<u16> {
        let open = self.0.lock();
        let address = open.sockets.first()?.socket.local_addr().ok()?;
        address.as_socket().map(|address| address.port())
    }

    /// Listens on another port. The old one is given up only when the new one works.
    pub(crate) fn change_port(&self, config: &Config, log: &crate::log::Log) -> Result<(), String> {
        const FAILED: &str = "Unable to listen on this port. Check server logs.";
        let mut open = self.0.lock();
        let wanted = (config.uint(id::PORT), Arc::clone(config.bind()));
        if open.acceptor.is_none() || open.bound_to.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let listeners = bind_all_tcp(config, log).map_err(|()| FAILED.to_owned())?;
        let old = std::mem::take(&mut open.sockets);
        open.add(listeners).map_err(|error| error_text(&error))?;
        open.bound_to = Some(wanted);
        OpenSockets::close(old);
        Ok(())
    }

    /// Listens on other addresses. They may overlap with the old ones, which are therefore given up first.
    pub(crate) fn change_addresses(&self, config: &Config, log: &crate::log::Log) -> Result<(), String> {
        const FAILED: &str = "Failed to bind to specified addresses.";
        let mut open = self.0.lock();
        let wanted = (config.uint(id::PORT), Arc::clone(config.bind()));
        if open.acceptor.is_none() || open.bound_to.as_ref() == Some(&wanted) {
            return Ok(());
        }
        open.bound_to = None;
        OpenSockets::close(std::mem::take(&mut open.sockets));
        let listeners = bind_all_tcp(config, log).map_err(|()| FAILED.to_owned())?;
        open.add(listeners).map_err(|error| error_text(&error))?;
        open.bound_to = Some(wanted);
        Ok(())
    }
}

async fn accept_failed(server: &Server, error: &io::Error) {
    let now_s = server.clock.unix_ms() / 1000;
    // Once a second is enough: what is wrong seldom changes sooner, and the disk must not fill up on top of it.
    if server.totals.accept_failure_logged_s.swap(now_s, Relaxed) != now_s {
        server.log.warning(format_args!("Accepting client connection: {}", error_text(error)));
    }
    tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
}

/// The system's words for an error, without Rust's number behind them.
pub(crate) fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Binds a Unix socket with its permissions in place before anybody can connect: it is created under a name that nobody
/// knows, and takes its own name when it is ready.
fn bind_unix(path: &Path, mode: u32, backlog: i32) -> io::Result<std::os::unix::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before listen(), so the permissions are in force from the first client on.
    if mode != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn welcome_tcp(server: &Arc<Server>, stream: std::net::TcpStream, address: SocketAddr) -> io::Result<()> {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let local = stream.local_addr().unwrap_or(address);
    let socket = SockRef::from(&stream);
    // Failing to tune a socket is no reason to refuse the client.
    drop(socket.set_tcp_nodelay(true));
    let keepalive_s = server.config.read().uint(id::TCP_KEEPALIVE);
    if keepalive_s > 0 {
        let keepalive = TcpKeepalive::new()
            .with_time(Duration::from_secs(keepalive_s))
            .with_interval(Duration::from_secs((keepalive_s / 3).max(1)))
            .with_retries(3);
        drop(socket.set_tcp_keepalive(&keepalive));
    }
    let is_local = address.ip().is_loopback();
    let client = handle(server, address.to_string(), local.to_string(), stream.as_raw_fd(), false, is_local);
    if let Some(refusal) = refusal(server, is_local) {
        refuse(server, &stream, refusal);
        return Ok(());
    }
    dispatch(server, client, Accepted::Tcp(stream));
    Ok(())
}

fn welcome_unix(server: &Arc<Server>, stream: std::os::unix::net::UnixStream, path: &Path) {
    let name = format!("{}:0", path.display());
    let client = handle(server, name.clone(), name, stream.as_raw_fd(), true, true);
    if let Some(refusal) = refusal(server, true) {
        refuse(server, &stream, refusal);
        return;
    }
    dispatch(server, client, Accepted::Unix(stream));
}

fn refuse(server: &Server, mut stream: impl Write, refusal: &str) {
    server.totals.rejected_connections.fetch_add(1, Relaxed);
    // Whether the client reads it or not: it is closed.
    drop(stream.write_all(refusal.as_bytes()));
}

/// Why a client cannot be served, as an error reply.
fn refusal(server: &Server, is_local: bool) -> Option<&'static str> {
    let config = server.config.read();
    if server.clients.len() as u64 >= config.uint(id::MAXCLIENTS) {
        return Some("-ERR max number of clients reached\r\n");
    }
    if config.bool(id::PROTECTED_MODE) && !server.requires_password() && !is_local {
        return Some(
            "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the \
             default user. In this mode connections are only accepted from the loopback interface. If you want to connect \
             from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode \
             sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the \
             same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. \
             Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by \
             editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the \
             server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' \
             option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above \
             things in order for the server to start accepting connections from the outside.\r\n",
        );
    }
    None
}

fn handle(
    server: &Server,
    address: String,
    local_address: String,
    fd: i32,
    is_unix: bool,
    is_local: bool,
) -> Arc<ClientHandle> {
    let now_ms = server.clock.unix_ms();
    server.totals.connections.fetch_add(1, Relaxed);
    server.log.write(Level::Verbose, format_args!("Accepted {address}"));
    Arc::new(ClientHandle::new(
        server.clients.next_id(),
        address,
        local_address,
        fd,
        is_unix,
        is_local,
        now_ms,
        Details { user: "default".into(), ..Details::default() },
    ))
}

/// Hands the connection to a worker.
fn dispatch(server: &Server, client: Arc<ClientHandle>, socket: Accepted) {
    server.clients.add(&client);
    let (id, worker) = (client.id, server.first_worker().unwrap_or_default());
    client.worker.store(worker, Relaxed);
    let arrival = Box::new(move |worker| Connection::new(socket, worker, client));
    if !server.workers.read().get(worker).is_some_and(|worker| worker.send(arrival)) {
        server.clients.remove(id);
    }
}
