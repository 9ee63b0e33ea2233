//! Files that are read as text, and standard input in place of one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::amount::Size;
use crate::failure::{Failure, Outcome};

/// No policy, no certificate and no head of a request is longer than this.
const LONGEST: u64 = 64 * 1024;

/// All of the file; `-` is standard input.
pub fn read(file: &Path) -> Outcome<String> {
    let from: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(Failure::at(file))?)
    };
    let mut text = String::new();
    from.take(LONGEST + 1).read_to_string(&mut text).map_err(Failure::at(file))?;
    if text.len() as u64 > LONGEST {
        return Err(Failure::failed(format!("{}: is longer than {}", file.display(), Size(LONGEST))));
    }
    Ok(text)
}
