"""Where packages are from: uv's variables, the app's block, and pip's configuration."""

import os
from pathlib import Path

import msgspec

from dendro_local.environments import Requirements
from dendro_local.environments.package_sources import (
    package_sources,
    pip_variables,
    uv_variables,
)
from dendro_local.environments.pip_configuration import pip_configuration

PLAIN = Requirements(file=Path("main.py"), line=1)
PIP = {
    "index-url": "https://pip.org/simple",
    "extra-index-url": "https://a.org https://b.org",
    "find-links": "/opt/wheels\nhttps://page.org",
    "cert": "/etc/ca.pem",
    "trusted-host": "a.org",
    "proxy": "http://proxy:1",
    "timeout": "7",
}


def write_configuration(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_pips_files_and_variables_count_in_pips_order(tmp_path: Path) -> None:
    home, prefix = tmp_path / "home", tmp_path / "venv"
    write_configuration(
        tmp_path / "xdg" / "pip" / "pip.conf", "[global]\ncert = /xdg\ntimeout = 1\nproxy = p"
    )
    write_configuration(home / ".pip" / "pip.conf", "[global]\nindex-url = https://old.org")
    write_configuration(
        home / ".config" / "pip" / "pip.conf",
        "[global]\nindex_url = https://user.org\nfind-links =\n  /one\n  /two\n[list]\nproxy = no",
    )
    write_configuration(prefix / "pip.conf", "[install]\ntimeout = 2\n[global]\ntimeout = 3")
    environ = {
        "HOME": str(home),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "PIP_PROXY": "q",
        "PIP_NO_INDEX": "",
    }

    found = pip_configuration(environ, prefix)

    assert found["cert"] in ("/xdg", "/etc/ssl/certs/ca-certificates.crt")  # of /etc/pip.conf
    assert found["index-url"] == "https://user.org"
    assert found["find-links"].split() == ["/one", "/two"]
    assert found["timeout"] == "2"
    assert found["proxy"] == "q"
    assert "no-index" not in found


def test_a_file_that_a_variable_names_takes_the_place_of_the_users(tmp_path: Path) -> None:
    write_configuration(tmp_path / ".config" / "pip" / "pip.conf", "[global]\nproxy = user")
    write_configuration(tmp_path / "mine.conf", "[global]\ntimeout = 5")
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "mine.conf")}

    found = pip_configuration(environ, tmp_path)

    assert found["timeout"] == "5"
    assert "proxy" not in found


def test_the_null_device_turns_pips_files_off(tmp_path: Path) -> None:
    write_configuration(tmp_path / "pip.conf", "[global]\ntimeout = 5")
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, "PIP_CERT": "c"}

    assert pip_configuration(environ, tmp_path) == {"config-file": os.devnull, "cert": "c"}


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    write_configuration(tmp_path / "pip.conf", "no section")
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path)}

    assert "no section" not in pip_configuration(environ, tmp_path)


def test_uv_is_told_what_pip_is_configured_to_do() -> None:
    assert uv_variables(package_sources(PLAIN, {}, PIP)) == {
        "UV_DEFAULT_INDEX": "https://pip.org/simple",
        "UV_INDEX": "https://a.org https://b.org",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/opt/wheels,https://page.org",
        "UV_INSECURE_HOST": "a.org",
        "UV_HTTP_TIMEOUT": "7",
        "SSL_CERT_FILE": "/etc/ca.pem",
        "ALL_PROXY": "http://proxy:1",
    }


def test_what_uvs_own_variables_say_counts_before_pips_configuration() -> None:
    environ = {
        "UV_INDEX_URL": "https://uv.org",
        "UV_INDEX": "mine=https://c.org",
        "UV_FIND_LINKS": "/a b,/c",
        "UV_HTTP_TIMEOUT": "9",
        "SSL_CERT_FILE": "/own.pem",
        "https_proxy": "http://other:2",
        "UV_INSECURE_HOST": "c.org",
    }

    sources = package_sources(PLAIN, environ, PIP)

    assert uv_variables(sources) == {
        "UV_DEFAULT_INDEX": "https://uv.org",
        "UV_INDEX": "mine=https://c.org",
        "UV_FIND_LINKS": "/a b,/c",
        "UV_INSECURE_HOST": "c.org",
        "UV_HTTP_TIMEOUT": "9",
        "SSL_CERT_FILE": "/own.pem",
    }
    assert sources.index_urls == ["https://uv.org", "https://c.org"]


def test_what_the_app_says_is_added_and_counts_before_pips_configuration() -> None:
    asked = msgspec.structs.replace(
        PLAIN,
        index_url="https://app.org",
        extra_index_urls=("https://d.org",),
        find_links=("/app,s",),
        no_index=True,
    )

    sources = package_sources(asked, {}, PIP)

    assert sources.no_index
    assert sources.default_index == "https://app.org"
    assert sources.extra_indexes == ("https://a.org", "https://b.org", "https://d.org")
    assert uv_variables(sources)["UV_FIND_LINKS"] == "/opt/wheels,https://page.org,file:///app%2Cs"


def test_pip_is_told_the_same() -> None:
    environ = {"UV_INDEX": "mine=https://c.org/?a=b", "UV_FIND_LINKS": "/a b,/c"}
    sources = package_sources(PLAIN, environ, {"no-index": "true", "index-url": "https://x.org"})

    assert pip_variables(sources) == {
        "PIP_INDEX_URL": "https://x.org",
        "PIP_EXTRA_INDEX_URL": "https://c.org/?a=b",
        "PIP_FIND_LINKS": "file:///a%20b /c",
        "PIP_NO_INDEX": "1",
    }
