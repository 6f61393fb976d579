//! The folder that a plugin is written in: where it is, in which language, and what it is called.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::args::{Language, WhichPlugin};
use crate::failure::Failure;
use crate::project::Project;

/// A plugin that somebody writes.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) language: Language,
    /// The package's name, which is the plugin's.
    pub(crate) name: String,
    /// How it is built, where its project file says so.
    pub(crate) build: Option<String>,
}

/// The files by which a language is known.
const FILES: [(&str, Language); 3] = [
    ("Cargo.toml", Language::Rust),
    ("pyproject.toml", Language::Python),
    ("package.json", Language::Js),
];

impl Folder {
    /// The plugin that an argument names: a folder, a name under `plugins/`, or where the person stands.
    pub(crate) fn find(project: &Project, which: &WhichPlugin) -> Result<Self, Failure> {
        let plugins = project.root().join("plugins");
        let Some(name) = &which.plugin else {
            let here = std::env::current_dir()?;
            return match language(&here) {
                Some(_) => Self::read(&here),
                None => {
                    Err(Failure::usage("the current folder holds no plugin").help(known(&plugins)))
                }
            };
        };
        let given = PathBuf::from(name);
        for path in [given.clone(), plugins.join(name)] {
            if language(&path).is_some() {
                return Self::read(&path);
            }
        }
        if given.is_file() {
            return Err(Failure::usage(format!(
                "{name} is a file, and not the folder that a plugin is written in"
            ))
            .help(known(&plugins)));
        }
        Err(Failure::usage(format!(
            "there is no plugin `{name}`: neither {name} nor {} has a Cargo.toml, pyproject.toml or \
             package.json",
            Project::shown(&plugins.join(name))
        ))
        .help(known(&plugins)))
    }

    /// Reads the project file of a folder.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let Some((file, language)) = language(path) else {
            return Err(Failure::usage(format!(
                "{} holds no plugin",
                Project::shown(path)
            )));
        };
        let file = path.join(file);
        let text = std::fs::read_to_string(&file).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", Project::shown(&file)))
        })?;
        let (name, build) = match language {
            Language::Rust => (entry(&text, "package", "name"), None),
            Language::Python => (
                entry(&text, "project", "name"),
                entry(&text, "tool.runbook", "build"),
            ),
            Language::Js => {
                let package: Value = serde_json::from_str(&text).map_err(|error| {
                    Failure::usage(format!("{}: {error}", Project::shown(&file)))
                })?;
                let text = |value: &Value| value.as_str().map(str::to_owned);
                (text(&package["name"]), text(&package["scripts"]["build"]))
            }
        };
        let name = name.ok_or_else(|| {
            Failure::usage(format!("{} names no package", Project::shown(&file)))
                .help("the package's `name` is the plugin's")
        })?;
        Ok(Self {
            path: std::path::absolute(path)?,
            language,
            name,
            build,
        })
    }

    /// The component that a build gives.
    pub(crate) fn component(&self) -> PathBuf {
        self.path.join("dist").join(format!("{}.wasm", self.name))
    }

    /// How the plugin is named to the commands, from where the person stands.
    pub(crate) fn argument(&self, project: &Project) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        if here == self.path {
            return String::new();
        }
        let usual = project.root().join("plugins").join(&self.name);
        match std::path::absolute(usual).is_ok_and(|usual| usual == self.path) {
            true => format!(" {}", self.name),
            false => format!(" {}", Project::shown(&self.path)),
        }
    }
}

fn language(path: &Path) -> Option<(&'static str, Language)> {
    FILES
        .into_iter()
        .find(|(file, _)| path.join(file).is_file())
}

/// The plugins that are written in the project.
fn known(plugins: &Path) -> String {
    let mut names: Vec<String> = std::fs::read_dir(plugins)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| language(&entry.path()).is_some() && entry.path().join("tests").is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    match names.is_empty() {
        true => "`runbook plugin new NAME --lang rust|python|js` writes one".to_owned(),
        false => format!("there is {}", names.join(", ")),
    }
}

/// A text of a TOML file, from a section of its own. What is written in another form is not found, and
/// then said to be missing.
fn entry(text: &str, section: &str, key: &str) -> Option<String> {
    let header = format!("[{section}]");
    let lines = text.lines().map(str::trim);
    let within = lines
        .skip_while(|line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    let mut found = within.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let quote = value
            .chars()
            .next()
            .filter(|one| matches!(one, '"' | '\''))?;
        let value = value.strip_prefix(quote)?;
        (name.trim() == key).then(|| value.split(quote).next().map(str::to_owned))?
    });
    found.next()
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn a_text_of_a_toml_file_is_found_in_its_section() {
        let text = "# name = \"no\"\n[package]\nname = \"chat\" # yes\nversion='1'\n\n[lib]\nname = \"x\"\n";
        assert_eq!(entry(text, "package", "name").as_deref(), Some("chat"));
        assert_eq!(entry(text, "package", "version").as_deref(), Some("1"));
        assert_eq!(entry(text, "lib", "name").as_deref(), Some("x"));
        assert_eq!(entry(text, "package", "build"), None);
        assert_eq!(entry(text, "tool", "name"), None);
    }
}
