"""MediaPipe's own landmarks of a stream of frames; runs in an environment of its own, without edgefuse.

python mediapipe_mesh.py HEIGHT WIDTH MESHES.npy <frames, BGR, one after the other
"""

import sys

import mediapipe  # type: ignore[import-not-found]
import numpy as np


def main(height: int, width: int, path: str) -> None:
    """Write (frames, 468, 2) float32, pixels, not a number where no face was found."""
    scale = np.array((width, height), np.float32)
    meshes = []
    with mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=1, refine_landmarks=False
    ) as face_mesh:
        while data := sys.stdin.buffer.read(height * width * 3):
            bgr = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            faces = face_mesh.process(np.ascontiguousarray(bgr[:, :, ::-1])).multi_face_landmarks
            mesh = np.full((468, 2), np.nan, np.float32)
            if faces:
                mesh[:] = [(point.x, point.y) for point in faces[0].landmark] * scale
            meshes.append(mesh)
    np.save(path, np.array(meshes))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
