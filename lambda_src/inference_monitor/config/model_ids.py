"""What Bedrock's Converse API takes as a model: ids of models and inference profiles, and ARNs.

Imported at synth time, where neither MLflow nor boto3 is installed.
"""

from __future__ import annotations

import re

SCHEME = "bedrock:/"
# The first parts of ids of cross-Region inference profiles. Source: "Supported Regions and models
# for inference profiles" in the Bedrock user guide.
GEOGRAPHIES = frozenset({"us", "eu", "apac", "jp", "au", "ca", "us-gov", "global"})
ARN = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:(\d{12})?:"
    r"(?P<kind>foundation-model|inference-profile|application-inference-profile|provisioned-model"
    r"|custom-model|custom-model-deployment|imported-model)/(?P<id>[A-Za-z0-9][A-Za-z0-9.:/-]*)"
)

_MODEL_ID = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,3}(:[a-z0-9-]{1,63}){0,2}")


def without_geography(model: str) -> str:
    """The model behind an inference profile's id; any other id as it is."""
    geography, _, rest = model.partition(".")
    return rest if geography in GEOGRAPHIES else model


def model_of(uri: str) -> str:
    """The id or ARN in a `bedrock:/…` name.

    Raises:
        ValueError: If it is none of these; the message says what is expected.
    """
    model = uri.removeprefix(SCHEME)
    if model == uri or not (_MODEL_ID.fullmatch(model) or ARN.fullmatch(model)):
        raise ValueError(
            f"{uri!r} is not bedrock:/ and a model id, an inference profile id or an ARN of one"
        )
    return model
