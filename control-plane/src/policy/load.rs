//! Reads a policy from a file, or from every YAML file of a directory in the order of their names.

use super::{Fault, Policy, parse_files};
use sha2::{Digest as _, Sha256};
use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// A directory with more YAML files than these is not a policy.
const FILES_MAX: usize = 1_000;
/// A policy of a hundred thousand customers has 10 MB; what is longer, in all its files, is not a policy.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a policy cannot be taken from the disk.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file or directory cannot be read.
    #[error("{path}: cannot be read: {error}", path = path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A directory without a policy in it.
    #[error("{path}: holds no .yaml or .yml file", path = path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// More than a policy can be.
    #[error("{path}: {what}", path = path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Of what there is too much.
        what: String,
    },
    /// It can be read and is wrong.
    #[error("{}", lines(.0))]
    Faulty(Vec<Fault>),
}

impl LoadError {
    /// Every fault, with its place; what cannot be read at all is one at its beginning.
    pub fn faults(self) -> Vec<Fault> {
        let (path, message) = match self {
            Self::Faulty(faults) => return faults,
            Self::Unreadable { path, error } => (path, format!("cannot be read: {error}")),
            Self::Empty { path } => (path, "holds no .yaml or .yml file".to_owned()),
            Self::TooLarge { path, what } => (path, what),
        };
        let file = path.display().to_string();
        vec![Fault { file, line: 1, column: 1, path: String::new(), message, hint: None }]
    }
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads and checks the policy at a path.
pub fn load(path: &Path) -> Result<Policy, LoadError> {
    Texts::read(path)?.policy()
}

/// The files of a policy as they are on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts(Vec<(String, String)>);

impl Texts {
    /// Reads them.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let mut texts = Vec::new();
        let mut left = BYTES_MAX;
        for file in files(path)? {
            let mut bytes = Vec::new();
            // One byte more than there may be, so that a file that grows while it is read is no way around the bound.
            let open = fs::File::open(&file).map_err(unreadable(&file))?;
            open.take(left.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable(&file))?;
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or_else(|| LoadError::TooLarge {
                path: path.to_owned(),
                what: format!("is longer than {BYTES_MAX} bytes"),
            })?;
            let text = String::from_utf8(bytes)
                .map_err(|_| unreadable(&file)(io::Error::new(io::ErrorKind::InvalidData, "is not UTF-8")))?;
            texts.push((file.display().to_string(), text));
        }
        Ok(Self(texts))
    }

    /// What they say, or every fault in them.
    pub fn policy(&self) -> Result<Policy, LoadError> {
        let texts: Vec<(&str, &str)> = self.0.iter().map(|(file, text)| (&**file, &**text)).collect();
        parse_files(&texts).map_err(LoadError::Faulty)
    }

    /// Another one for other names or other texts.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in self.0.iter().flat_map(|(file, text)| [file, text]) {
            // With their lengths, so that what moves from one to the next is seen.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> LoadError + use<> {
    let path = path.to_owned();
    move |error| LoadError::Unreadable { path: path.clone(), error }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    if !fs::metadata(path).map_err(unreadable(path))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable(path))? {
        let file = entry.map_err(unreadable(path))?.path();
        let yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        // Editors and Kubernetes leave hidden files and links beside the real ones.
        let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if yaml && !hidden {
            files.push(file);
        }
        if files.len() > FILES_MAX {
            let what = format!("holds more than {FILES_MAX} .yaml or .yml files");
            return Err(LoadError::TooLarge { path: path.to_owned(), what });
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(LoadError::Empty { path: path.to_owned() });
    }
    Ok(files)
}
