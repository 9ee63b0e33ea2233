//! What a client asks of where it is called.

use tokio::runtime::Handle;

use crate::error::{Error, Result};

/// Told at once, where tokio would panic somewhere on the way.
pub(crate) fn in_runtime() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => {
            Err(Error::input("runtime", "an async call outside a tokio runtime; the module blocking has its own"))
        }
    }
}
