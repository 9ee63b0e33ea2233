//! The thread that does the work, and who may wait for it.

use std::cell::Cell;
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

thread_local! {
    /// On a thread that a runtime keeps for blocking work, which looks like any other of its threads.
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// For as long as a reader is read.
pub(super) struct MayWait;

impl MayWait {
    pub(super) fn here() -> Self {
        MAY_WAIT.set(true);
        Self
    }
}

impl Drop for MayWait {
    fn drop(&mut self) {
        MAY_WAIT.set(false);
    }
}

/// A runtime of one thread, shared; the last to go ends it.
#[derive(Clone, Debug)]
pub(super) struct Runtime(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    runtime: Option<tokio::runtime::Runtime>,
    /// The process its threads are in.
    process: u32,
}

impl Owned {
    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Runtime {
    pub(super) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tencent-cos")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Io, "no thread for the client").with_source(error))?;
        Ok(Self(Arc::new(Owned { runtime: Some(runtime), process: std::process::id() })))
    }

    pub(super) fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        if tokio::runtime::Handle::try_current().is_ok() && !MAY_WAIT.get() {
            return Err(Error::input("runtime", "a blocking call inside a tokio runtime; use the async client there"));
        }
        if self.0.is_forked() {
            return Err(Error::input("runtime", "its threads stayed behind in a fork; make a client in this process"));
        }
        let runtime = self.0.runtime.as_ref().expect("taken when dropped");
        runtime.block_on(future)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // In the background: a runtime must not be waited for inside another.
        let Some(runtime) = self.runtime.take() else { return };
        if self.is_forked() {
            // What its threads held when the process forked, nobody lets go of.
            std::mem::forget(runtime);
        } else {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_has_no_thread_of_the_client() {
        let mut runtime = Runtime::new().unwrap();
        assert!(runtime.wait(async { Ok(()) }).is_ok());
        // Of another process: the threads of this one stay until the test ends.
        Arc::get_mut(&mut runtime.0).unwrap().process = 0;
        let error = runtime.wait(async { Ok(()) }).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("runtime")));
    }
}
