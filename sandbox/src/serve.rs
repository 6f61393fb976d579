//! The sandbox in the foreground: moto, the proxy's socket, and their end.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ::http::Response;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::error::Error;
use crate::handle::Handle;
use crate::http::{Reply, Request, strip_hop};
use crate::moto::Moto;
use crate::options::Options;
use crate::progress::{Progress, Report};
use crate::python::prepare;
use crate::status::Status;
use crate::world::World;
use crate::{control, files, proxy};

/// A sandbox that is being served.
pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    address: SocketAddr,
    dir: PathBuf,
    address_file: PathBuf,
    started_at: Timestamp,
    last_use: Mutex<Instant>,
    stopping: Notify,
}

/// Serves a sandbox in the foreground until it is stopped through its control
/// endpoint, by SIGTERM or SIGINT, or has been idle for too long.
///
/// `ready` is called once, when the sandbox answers.
///
/// # Errors
/// Another process serves the folder, the environment cannot be built, the
/// port is taken, or moto ends.
pub async fn serve(
    options: Options,
    progress: &Report<'_>,
    ready: impl FnOnce(&Status),
) -> Result<(), Error> {
    files::make_dir(&options.dir)?;
    let _lock = claim(&options).await?;
    let listener = listen(options.port).await?;
    let python = prepare(&options, progress).await?;
    progress(Progress::Starting);
    let mut moto = Moto::start(&python, &options).await?;
    let server = Arc::new(Server::new(&options, &listener, moto.address())?);
    server.publish()?;
    progress(Progress::Ready);
    ready(&server.status());
    let end = tokio::select! {
        end = accept(&server, listener) => end,
        error = moto.died() => Err(error),
        end = server.end(options.idle) => end,
    };
    if let Err(error) = fs::remove_file(&server.address_file) {
        tracing::debug!(%error, "the address file is gone already");
    }
    moto.stop().await;
    end
}

/// Serves a sandbox on a thread of this process and waits until it answers:
/// for tests. It ends with the process, or by [`Handle::stop`].
///
/// # Errors
/// As [`serve`].
pub fn start_in_thread(options: Options) -> Result<Handle, Error> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let dir = options.dir.clone();
    let started = thread::Builder::new()
        .name("sandbox".into())
        .spawn(move || {
            let runtime = tokio::runtime::Runtime::new().map_err(Error::disk(&options.dir));
            let told = sender.clone();
            let end = runtime.and_then(|runtime| {
                runtime.block_on(serve(options, &|_| {}, move |status| {
                    // Nobody listens any more only if the starter has panicked.
                    let _gone = told.send(Ok(Handle::new(status.clone())));
                }))
            });
            if let Err(error) = end {
                let _gone = sender.send(Err(error));
            }
        });
    started.map_err(Error::disk(&dir))?;
    receiver.recv().unwrap_or(Err(Error::NotRunning { dir }))
}

/// Locks the folder. Somebody who only looks may hold the lock for a moment.
async fn claim(options: &Options) -> Result<fs::File, Error> {
    for _ in 0..10 {
        if let Some(lock) = files::try_lock(&options.serve_lock())? {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Err(Error::Busy {
        dir: options.dir.clone(),
    })
}

async fn listen(port: Option<u16>) -> Result<TcpListener, Error> {
    let wanted = port.unwrap_or(0);
    TcpListener::bind(("127.0.0.1", wanted))
        .await
        .map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => Error::PortInUse { port: wanted },
            _ => Error::Listen {
                port: wanted,
                source,
            },
        })
}

async fn accept(server: &Arc<Server>, listener: TcpListener) -> Result<(), Error> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(Arc::clone(server), stream));
            }
            Err(error) => {
                // Out of file descriptors: wait for some to come back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection. It breaks when an answer is to be lost.
async fn converse(server: Arc<Server>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off delays");
    }
    let service = service_fn(move |request| Box::pin(respond(Arc::clone(&server), request)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let end = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if end.is_err() {
        // A reset, not an orderly end: what a caller sees when a machine dies.
        let stream = connection.into_parts().io.into_inner();
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "cannot reset a connection");
        }
    }
}

async fn respond(
    server: Arc<Server>,
    message: hyper::Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = message.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let target = head
        .uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    let mut request = Request {
        method: head.method,
        target,
        headers: head.headers,
        body,
    };
    strip_hop(&mut request.headers);
    server.touch();
    // On a task of its own, so that a call goes on when its caller disconnects, as at AWS.
    let work = tokio::spawn(async move {
        if request.path().starts_with(control::PREFIX) {
            Some(control::answer(&server, &request).await)
        } else {
            proxy::answer(Arc::clone(&server.world), request).await
        }
    });
    let reply = work.await.map_err(io::Error::other)?;
    reply
        .map(response)
        .ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionReset))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

impl Server {
    fn new(options: &Options, listener: &TcpListener, moto: SocketAddr) -> Result<Server, Error> {
        Ok(Server {
            world: Arc::new(World::new(moto, options)?),
            address: listener.local_addr().map_err(Error::disk(&options.dir))?,
            dir: options.dir.clone(),
            address_file: options.address_file(),
            started_at: Timestamp::now(),
            last_use: Mutex::new(Instant::now()),
            stopping: Notify::new(),
        })
    }

    /// What the sandbox says about itself.
    pub(crate) fn status(&self) -> Status {
        Status {
            url: format!("http://{}", self.address),
            pid: std::process::id(),
            started_at: self.started_at,
            world: self.world.id(),
            dir: self.dir.clone(),
            calls: self.world.ledger.len(),
            faults: self.world.faults.all().len(),
            lifecycles: self.world.lifecycles(None),
        }
    }

    /// Writes the address file.
    pub(crate) fn publish(&self) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(&self.status()).unwrap_or_default();
        files::write_whole(&self.address_file, &text)
    }

    /// Ends the sandbox soon, leaving time to answer.
    pub(crate) fn stop(&self) {
        self.stopping.notify_one();
    }

    fn touch(&self) {
        *self.last_use.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns when it is time to end.
    async fn end(&self, idle: Option<Duration>) -> Result<(), Error> {
        let failed = |source| Error::Disk {
            path: self.dir.clone(),
            source,
        };
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        tokio::select! {
            () = self.stopping.notified() => {
                // The caller of `stop` is still waiting for its answer.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = self.unused(idle) => {}
        }
        Ok(())
    }

    async fn unused(&self, idle: Option<Duration>) {
        let Some(idle) = idle else {
            return std::future::pending().await;
        };
        loop {
            let since = self
                .last_use
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .elapsed();
            match idle.checked_sub(since) {
                Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
                _ => return,
            }
        }
    }
}
