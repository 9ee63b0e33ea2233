//! What the steps have in common: an emulator on a runtime of its own, its clients, files.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_emulator::{Emulator, Record};
use tempfile::TempDir;
use tencent_cos::{Bucket, Client, Credentials, Endpoint, Transport};
use tokio::runtime::Runtime;

use crate::noise::{Noise, is_noise};

pub const MIB: u64 = 1024 * 1024;

/// How much of everything.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Of a stream without a length.
    pub stream: u64,
    /// Of a transfer that is interrupted.
    pub file: u64,
    /// Of a download that breaks off.
    pub long: u64,
    /// How often something is interrupted.
    pub times: u64,
}

impl Scale {
    pub const FULL: Self = Self { stream: 10 * 1024 * MIB, file: 256 * MIB, long: 1024 * MIB, times: 50 };
    pub const SMALL: Self = Self { stream: 512 * MIB, file: 64 * MIB, long: 64 * MIB, times: 5 };
}

/// A fresh emulator, and a folder that goes with it.
pub struct World {
    pub scale: Scale,
    pub seed: u64,
    pub hyper: bool,
    random: Arc<Mutex<fastrand::Rng>>,
    pub folder: TempDir,
    pub emulator: Emulator,
    /// Where the emulator runs: what a step counts on its own runtime is the client's alone.
    _server: Runtime,
}

impl World {
    pub fn new(scale: Scale, seed: u64, hyper: bool) -> Result<Self, Box<dyn Error>> {
        Self::with(scale, seed, hyper, Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Another one, as fresh as this was.
    pub fn another(&self) -> Result<Self, Box<dyn Error>> {
        Self::with(self.scale, self.seed, self.hyper, Arc::clone(&self.random))
    }

    fn with(scale: Scale, seed: u64, hyper: bool, random: Arc<Mutex<fastrand::Rng>>) -> Result<Self, Box<dyn Error>> {
        let server = Runtime::new()?;
        let emulator = server.block_on(Emulator::builder().strict_signature(true).start())?;
        let folder = tempfile::Builder::new().prefix("cos-soak-").tempdir()?;
        Ok(Self { scale, seed, hyper, random, folder, emulator, _server: server })
    }

    /// A number below this one.
    pub fn below(&self, end: u64) -> u64 {
        self.random.lock().expect("nobody panicked").u64(..end)
    }

    /// A part of this time.
    pub fn within(&self, time: Duration) -> Duration {
        time.mul_f64(self.random.lock().expect("nobody panicked").f64())
    }

    pub fn bucket(&self) -> tencent_cos::Result<Bucket> {
        bucket(&self.emulator.endpoint(), self.emulator.bucket(), self.hyper)
    }

    /// A file of noise.
    pub fn file(&self, name: &str, length: u64) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        std::io::copy(&mut Noise::new(self.seed, length), &mut file)?;
        file.flush()?;
        Ok(path)
    }

    /// An object of noise.
    pub fn object(&self, key: &str, length: u64) {
        let mut bytes = vec![0; usize::try_from(length).expect("fits in memory")];
        Noise::new(self.seed, length).read_exact(&mut bytes).expect("so much noise");
        self.emulator.put_object(self.emulator.bucket(), key, bytes);
    }

    /// Whether the object is there, whole and right.
    pub fn object_is_right(&self, key: &str, length: u64) -> Result<(), String> {
        let object = self.emulator.object(self.emulator.bucket(), key).ok_or("there is no object")?;
        match is_noise(object.reader(), self.seed, length) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the object has other bytes".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether the object is there, and what this file is.
    pub fn object_is_file(&self, key: &str, path: &Path) -> Result<(), String> {
        let object = self.emulator.object(self.emulator.bucket(), key).ok_or("there is no object")?;
        let (mut stored, mut expected) = (Vec::new(), Vec::new());
        let read = object.reader().read_to_end(&mut stored);
        let read = read.and_then(|_| File::open(path)?.read_to_end(&mut expected));
        match read {
            Ok(_) if stored == expected => Ok(()),
            Ok(_) => Err("the object has other bytes than the file".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn file_is_right(&self, path: &Path, length: u64) -> Result<(), String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        match is_noise(file, self.seed, length) {
            Ok(true) => Ok(()),
            Ok(false) => Err("the file has other bytes".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The requests of an operation.
    pub fn asked(&self, operation: &str) -> Vec<Record> {
        self.emulator.journal().into_iter().filter(|record| record.operation == operation).collect()
    }

    /// Waits until no connection is open any more.
    pub fn hung_up(&self) -> Result<(), String> {
        for _ in 0..1000 {
            if self.emulator.open_connections() == 0 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("{} connections stay open", self.emulator.open_connections()))
    }

    pub fn orphans(&self) -> usize {
        self.emulator.uploads(self.emulator.bucket()).len()
    }
}

/// The bucket of an emulator, through a client of its own.
pub fn bucket(endpoint: &str, name: &str, hyper: bool) -> tencent_cos::Result<Bucket> {
    bucket_with(endpoint, name, hyper, 64 * MIB)
}

pub fn bucket_with(endpoint: &str, name: &str, hyper: bool, memory: u64) -> tencent_cos::Result<Bucket> {
    // The emulator's own key, which is a fake.
    let key = Credentials::permanent("AKIDemulatorFAKEemulatorFAKEemulator0001", "FAKEsecretKEYofTHEemulator0000001")?;
    let client = Client::builder()
        .region("ap-guangzhou")
        .endpoint(Endpoint::custom(endpoint)?)
        .transport(if hyper { Transport::Hyper } else { Transport::Reqwest })
        .memory_limit(memory)
        .credentials(key);
    client.build()?.bucket(name)
}

/// Waits for something that is not told, at most so long.
pub async fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    for _ in 0..limit.as_millis() / 10 {
        if holds() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    holds()
}
