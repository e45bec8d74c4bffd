//! Reads a policy from a file, or from every YAML file of a directory in the order of their names.

use super::{Fault, Policy, parse_files};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
    /// It can be read and is wrong.
    #[error("{}", lines(.0))]
    Faulty(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads and checks the policy at a path.
pub fn load(path: &Path) -> Result<Policy, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| LoadError::Unreadable { path, error }
    };
    let mut files = Vec::new();
    if fs::metadata(path).map_err(unreadable(path))?.is_dir() {
        for entry in fs::read_dir(path).map_err(unreadable(path))? {
            let file = entry.map_err(unreadable(path))?.path();
            let yaml = file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            // Editors and Kubernetes leave hidden files and links beside the real ones.
            let hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if yaml && !hidden {
                files.push(file);
            }
        }
        files.sort();
        if files.is_empty() {
            return Err(LoadError::Empty { path: path.to_owned() });
        }
    } else {
        files.push(path.to_owned());
    }
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(unreadable(&file))?;
        texts.push((file.display().to_string(), text));
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(file, text)| (&**file, &**text)).collect();
    parse_files(&texts).map_err(LoadError::Faulty)
}
