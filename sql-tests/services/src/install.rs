//! Packages, fetched by their own clients and kept in the clients' own caches.

use crate::error::{Result, ServiceError, Tried};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a command to its end and gives what it printed; a failure carries its error output.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().tried(|| format!("{name} can't be run"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let output = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(ServiceError::Command { command: name, output })
}

/// Makes sure that `program` exists, installing `package` by apt when it does not.
pub fn debian(package: &str, program: &Path) -> Result<()> {
    let _turn = exclusive("apt")?;
    if program.exists() {
        return Ok(());
    }
    let install = || {
        run(Command::new("apt-get")
            .args(["install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", package])
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // A machine that never fetched the package lists fails the first time.
    if install().is_err() {
        run(Command::new("apt-get").args(["update", "-q"]))?;
        install()?;
    }
    if program.exists() { Ok(()) } else { Err(ServiceError::Missing(program.to_owned())) }
}

/// The program that `go install` makes of a module's command, built once.
pub fn go(module: &str, program: &str) -> Result<PathBuf> {
    let _turn = exclusive("go")?;
    let folder = cache()?.join("go");
    let built = folder.join(program);
    if !built.exists() {
        let go = ["/usr/local/go/bin/go", "/usr/bin/go"].into_iter().map(Path::new).find(|path| path.exists());
        run(Command::new(go.unwrap_or(Path::new("go"))).args(["install", module]).env("GOBIN", &folder))?;
    }
    if built.exists() { Ok(built) } else { Err(ServiceError::Missing(built)) }
}

/// The file of a Maven artifact, `group:name:version`, fetched once.
pub fn maven(artifact: &str) -> Result<PathBuf> {
    let folder = cache()?.join("maven");
    let mut parts = artifact.split(':').skip(1);
    let (name, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let fetched = folder.join(format!("{name}-{version}.jar"));
    let maven = Path::new("/usr/bin/mvn");
    debian("maven", maven)?;
    let _turn = exclusive("maven")?;
    if !fetched.exists() {
        // Copied under another name first: a client that is killed leaves no half of a file behind.
        let unfinished = folder.join("unfinished");
        run(Command::new(maven)
            .args(["--quiet", "--batch-mode", "dependency:copy", &format!("-Dartifact={artifact}")])
            .arg(format!("-DoutputDirectory={}", unfinished.display()))
            .current_dir(cache()?))?;
        let copied = unfinished.join(fetched.file_name().unwrap_or_default());
        std::fs::rename(&copied, &fetched).tried(|| format!("{} can't be moved", copied.display()))?;
    }
    Ok(fetched)
}

/// Unpacks files of a ZIP archive, all of them or those named, below a folder.
pub(crate) fn unzip(archive: &Path, files: &[&str], folder: &Path) -> Result<()> {
    let unzip = Path::new("/usr/bin/unzip");
    debian("unzip", unzip)?;
    run(Command::new(unzip).args(["-q", "-o"]).arg(archive).args(files).arg("-d").arg(folder)).map(drop)
}

/// This user's folder for what is made once and used by many tests.
pub(crate) fn cache() -> Result<PathBuf> {
    let owner = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let folder = std::env::temp_dir().join(format!("naru-services-{owner}"));
    std::fs::create_dir_all(&folder).tried(|| format!("{} can't be made", folder.display()))?;
    Ok(folder)
}

/// One process at a time does `what`; released when the file is dropped.
pub(crate) fn exclusive(what: &str) -> Result<File> {
    let path = cache()?.join(format!("{what}.lock"));
    let file = File::create(&path).tried(|| format!("{} can't be made", path.display()))?;
    file.lock().tried(|| format!("{} can't be locked", path.display()))?;
    Ok(file)
}
