"""Builds our own peers; with --install also fetches engines: Debian packages, and wheels of pinned
versions in a private virtual environment."""

import importlib.util
import os
import shutil
import subprocess
import sys

from . import engines


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **more):
    """Run a command with its output on standard error. Returns whether it succeeded."""
    say("+ " + " ".join(command))
    try:
        return subprocess.run(command, stdout=sys.stderr, **more).returncode == 0
    except FileNotFoundError:
        say(f"  {command[0]}: no such program")
        return False


def build(directory, look_again):
    """Compile our own peers, so that none is older than the tree; configure where that is new, or
    where meson is to look for oneDNN again."""
    setup = ["meson", "setup", directory, engines.ROOT, "-Dpeers=true"]
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        setup += ["--buildtype=release"]
    elif look_again:
        setup += ["--reconfigure", "--clearcache"]
    else:
        setup = None
    compile_ = ["meson", "compile", "-C", directory, "peers"]
    return (setup is None or run(setup)) and run(compile_)


def install_packages(packages):
    """Debian packages, as root or by sudo; where neither works, the command is in the output."""
    missing = [name for name in packages if not _is_installed(name)]
    if not missing:
        return True
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if not shutil.which("apt-get"):
        say(f"not Debian: install what corresponds to {' '.join(missing)}")
        return False
    prefix = []
    if os.geteuid() != 0:
        prefix = ["sudo"]
        if not shutil.which("sudo"):
            say("as root, run: " + " ".join(install))
            return False
    # A second try with fresh lists of packages.
    return run(prefix + install) or (run(prefix + ["apt-get", "update"]) and run(prefix + install))


def _is_installed(package):
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    try:
        done = subprocess.run(query, capture_output=True, text=True)
    except FileNotFoundError:
        return False
    return done.stdout.endswith(" installed")


def _pins():
    """Lower-case name -> name==version, of requirements.txt."""
    pins = {}
    with open(os.path.join(engines.PEERS, "requirements.txt"), encoding="utf-8") as file:
        for line in file:
            line = line.partition("#")[0].strip()
            if line:
                pins[line.partition("==")[0].lower()] = line
    return pins


def _make_environment(directory):
    if os.path.exists(engines.environment_python(directory)):
        return True
    # venv needs it, and Debian packs it apart.
    if not importlib.util.find_spec("ensurepip") and not install_packages(["python3-venv"]):
        return False
    return run([sys.executable, "-m", "venv", os.path.join(directory, "venv")])


def install(wanted, directory):
    """Fetch what the engines need, each apart, so that one that fails does not stop the others."""
    os.makedirs(directory, exist_ok=True)
    for engine in wanted:
        if engine.packages:
            install_packages(engine.packages)
    if not any(engine.wheels for engine in wanted) or not _make_environment(directory):
        return
    pins = _pins()
    pip = [engines.environment_python(directory), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--only-binary=:all:"]
    for engine in wanted:
        if engine.wheels and not run(pip + [pins[name.lower()] for name in engine.wheels]):
            say(f"{engine.name} could not be installed")
