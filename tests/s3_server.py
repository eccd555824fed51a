"""A real S3-compatible server on a loopback socket (moto's), with keys that it checks, stopped and started by order."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

BUCKET = "calls"
_START_SECONDS = 40.0
_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class S3Server:
    """Signatures are checked: wrong keys get 403. What it holds is forgotten when it is stopped."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("moto.server", reason="moto is not installed (pip install 'moto[server]')")
        pytest.importorskip("obstore", reason="obstore is not installed (pip install 'voicebot[s3]')")
        self._log = folder / "s3.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.access_key = self.secret_key = ""
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def store(self, **more: Any) -> dict[str, Any]:
        """Return [recordings.store] of the settings."""
        return {
            "bucket": BUCKET, "endpoint": self.url, "access_key": self.access_key, "secret_key": self.secret_key, **more,
        }  # fmt: skip

    def objects(self) -> dict[str, bytes]:
        """Return everything in the bucket, by key."""
        client = self._client("s3", self.access_key, self.secret_key)
        found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found}

    def start(self) -> None:
        """Start it empty, with a bucket and a user's keys, new ones each time."""
        # Three requests without keys make the user; from then on everybody must sign.
        environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "3"}
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait()
        iam = self._client("iam", "none", "none")
        iam.create_user(UserName="robot")
        iam.put_user_policy(UserName="robot", PolicyName="all", PolicyDocument=json.dumps(_POLICY))
        key = iam.create_access_key(UserName="robot")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        self._client("s3", self.access_key, self.secret_key).create_bucket(Bucket=BUCKET)

    def stop(self) -> None:
        """As when its machine is switched off."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _client(self, service: str, access_key: str, secret_key: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )

    def _wait(self) -> None:
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                pytest.fail(f"the S3 server does not start: {self._log.read_text()[-1000:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
