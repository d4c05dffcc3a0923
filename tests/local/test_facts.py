from backend_facts import SpeechFacts, Subject


class TestLocal(SpeechFacts):
    subject = Subject(
        backend="local",
        class_name="LocalSynthesizer",
        sdk=("hibari", "numpy", "onnxruntime"),
        declared={"voice": "emma", "speed": 1.25, "seed": 7},
        undeclared={},
    )
