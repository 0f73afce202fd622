"""MediaPipe's own landmarks, and the time each frame took; runs in an environment of its own, without edgefuse.

``python mediapipe_mesh.py FD BLOCK HEIGHT WIDTH``: FD is shared memory with room for BLOCK frames, BGR. Each line on
stdin says how many frames lie there; their answers go to stdout, see ``ANSWER``.
"""

import mmap
import os
import sys
import time

import mediapipe  # type: ignore[import-not-found]
import numpy as np

ANSWER = np.dtype([("wall_s", "f8"), ("cpu_s", "f8"), ("mesh", "f4", (468, 2))])
"""Time of ``process`` by the clock and by the processor, all threads; pixels, not a number where no face was found."""


def main(fd: int, block: int, height: int, width: int) -> None:
    """Answer until stdin ends."""
    answers_out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # native code may print
    frames = np.frombuffer(mmap.mmap(fd, 0), np.uint8)[: block * height * width * 3].reshape(block, height, width, 3)
    scale = np.array((width, height), np.float32)
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=1, refine_landmarks=False
    ) as face_mesh:
        for line in sys.stdin:
            answers = np.zeros(int(line), ANSWER)
            for answer, frame in zip(answers, frames):  # noqa: B905  the last block is short
                rgb = np.ascontiguousarray(frame[:, :, ::-1])
                start_s, start_cpu_s = time.perf_counter(), time.process_time()
                faces = face_mesh.process(rgb).multi_face_landmarks
                answer["wall_s"], answer["cpu_s"] = time.perf_counter() - start_s, time.process_time() - start_cpu_s
                points = [(point.x, point.y) for point in faces[0].landmark] if faces else np.nan
                answer["mesh"] = points * scale
            answers_out.write(answers.tobytes())
            answers_out.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
