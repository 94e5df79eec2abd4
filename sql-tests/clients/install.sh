#!/usr/bin/env bash
# Installs what the client tests drive: psql and PostgreSQL (the oracle) by apt, Python clients into a venv and Java clients
# with their drivers into FOLDER. Does nothing where everything is there. Usage: install.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
mkdir -p "$folder"
# Test binaries may run side by side.
exec 9>"$folder/install.lock"
flock 9

have() { command -v "$1" >/dev/null; }

packages=()
have psql || packages+=(postgresql-client)
[ -x /usr/lib/postgresql/15/bin/initdb ] || packages+=(postgresql-15)
have java || packages+=(default-jdk-headless)
have mvn || packages+=(maven)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
  sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"
fi

# A change of the list of packages, or of the program, makes the folder anew.
python=$folder/python
if ! cmp -s "$here/python/requirements.txt" "$python/requirements.txt"; then
  rm -rf "$python"
  python3 -m venv "$python"
  "$python/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt"
  cp "$here/python/requirements.txt" "$python/requirements.txt"
fi

java=$folder/java
sources() { cat "$here"/java/pom.xml "$here"/java/src/main/java/*.java | sha256sum; }
if [ "$(sources)" != "$(cat "$java/sources" 2>/dev/null)" ]; then
  rm -rf "$java"
  mvn --quiet --batch-mode -f "$here/java/pom.xml" "-DbuildFolder=$java" package
  sources >"$java/sources"
fi
