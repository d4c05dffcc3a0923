from typing import ClassVar

from support.first_party import FirstParty


class TestLocal(FirstParty):
    backend = "local"
    class_name = "LocalSynthesizer"
    sdk = ("hibari", "numpy", "onnxruntime")
    declared: ClassVar = {"voice": "emma", "speed": 1.25, "seed": 7}
