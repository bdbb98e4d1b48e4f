"""Made-up requests over the whole API, from its OpenAPI document: none is answered with 5xx."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

from controller.roles import Role
from tests.rigs.service.api_bench import api_bench
from tests.rigs.service.matrix import World

with_schema = schemathesis.pytest.from_fixture("schema")
